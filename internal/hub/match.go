package hub

import "strings"

// matchAny reports whether one of the patterns matches the path. A pattern that ends
// in a slash means everything below.
func matchAny(patterns []string, name string) bool {
	for _, p := range patterns {
		if strings.HasSuffix(p, "/") {
			p += "*"
		}
		if match(p, name) {
			return true
		}
	}
	return false
}

// match is Python's fnmatch.fnmatchcase: * matches any run, slashes included, ? one
// character, [abc] and [!abc] one of a set.
func match(pattern, name string) bool {
	p, s := []rune(pattern), []rune(name)
	i, j, star, mark := 0, 0, -1, 0
	for j < len(s) {
		n, ok := matchOne(p[i:], s[j])
		switch {
		case i < len(p) && p[i] == '*':
			star, mark = i, j
			i++
		case ok:
			i += n
			j++
		case star >= 0: // let the last star take one more
			i = star + 1
			mark++
			j = mark
		default:
			return false
		}
	}
	for i < len(p) && p[i] == '*' {
		i++
	}
	return i == len(p)
}

// matchOne matches the pattern's first element against r, and returns its length.
func matchOne(p []rune, r rune) (int, bool) {
	switch {
	case len(p) == 0:
		return 0, false
	case p[0] == '?':
		return 1, true
	case p[0] != '[':
		return 1, p[0] == r
	}
	end := 1
	if end < len(p) && p[end] == '!' {
		end++
	}
	if end < len(p) && p[end] == ']' {
		end++
	}
	for end < len(p) && p[end] != ']' {
		end++
	}
	if end == len(p) { // no set after all
		return 1, r == '['
	}
	set, not := p[1:end], false
	if len(set) > 0 && set[0] == '!' {
		set, not = set[1:], true
	}
	return end + 1, inSet(set, r) != not
}

func inSet(set []rune, r rune) bool {
	for i := 0; i < len(set); i++ {
		if i+2 < len(set) && set[i+1] == '-' {
			if set[i] <= r && r <= set[i+2] {
				return true
			}
			i += 2
		} else if set[i] == r {
			return true
		}
	}
	return false
}
