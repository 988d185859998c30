package hub

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// IsOffline reports whether requests to the hub are forbidden, by the Client or by a
// variable of its Python client.
func (c *Client) IsOffline(s Site) bool {
	return c.Offline || s == HuggingFace && isTrue(getenv("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"))
}

// IsForbidden is IsOffline for a repository: datasets have a variable of their own.
func (c *Client) IsForbidden(r Repo) bool {
	return c.IsOffline(r.Hub) || r.Hub == HuggingFace && r.Kind == Dataset && isTrue(os.Getenv("HF_DATASETS_OFFLINE"))
}

func isTrue(v string) bool {
	switch strings.ToUpper(v) {
	case "1", "ON", "YES", "TRUE":
		return true
	}
	return false
}

// endpoint returns the address of the hub, without a slash at its end.
func (c *Client) endpoint(s Site) (*url.URL, error) {
	raw := c.Endpoint
	if raw == "" && s == HuggingFace {
		if raw = getenv("HF_ENDPOINT"); raw == "" {
			raw = "https://huggingface.co"
		}
	}
	if raw == "" {
		raw = getenv("MODELSCOPE_ENDPOINT")
	}
	if raw == "" {
		if raw = "https://modelscope.cn"; getenv("MODELSCOPE_DOMAIN") != "" {
			raw = "https://" + strings.TrimPrefix(getenv("MODELSCOPE_DOMAIN"), "https://")
		}
	}
	u, err := url.Parse(strings.TrimRight(raw, "/"))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, &Error{Kind: Invalid, Op: "hub", What: "endpoint", Have: shown(raw), Want: "an http or https address"}
	}
	return u, nil
}

// token returns the caller's token, or "". Only text files are looked at.
func (c *Client) token(s Site) string {
	if c.Token != "" {
		return c.Token
	}
	if s == ModelScope {
		return strings.TrimSpace(getenv("MODELSCOPE_API_TOKEN"))
	}
	if t := getenv("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"); t != "" {
		return strings.TrimSpace(t)
	}
	file := getenv("HF_TOKEN_PATH")
	if file == "" {
		file = filepath.Join(hfHome(), "token")
	}
	b, err := os.ReadFile(file)
	if err != nil || len(b) > 4096 {
		return ""
	}
	return strings.TrimSpace(string(b))
}

func home() string {
	h, err := os.UserHomeDir()
	if err != nil {
		return "."
	}
	return h
}

func hfHome() string {
	if v := getenv("HF_HOME"); v != "" {
		return v
	}
	if v := getenv("XDG_CACHE_HOME"); v != "" {
		return filepath.Join(v, "huggingface")
	}
	return filepath.Join(home(), ".cache", "huggingface")
}

// cache returns the folder that the hub's Python client keeps its files in.
func (c *Client) cache(s Site) string {
	switch {
	case c.Cache != "":
		return c.Cache
	case s == HuggingFace:
		if v := getenv("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"); v != "" {
			return v
		}
		return filepath.Join(hfHome(), "hub")
	}
	if v := getenv("MODELSCOPE_CACHE"); v != "" {
		return v
	}
	return filepath.Join(home(), ".cache", "modelscope")
}
