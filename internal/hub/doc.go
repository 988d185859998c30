// Package hub fetches models and datasets from Hugging Face and ModelScope, into the
// caches that their Python clients use, so that what one fetched the other finds.
//
//	dir, err := new(hub.Client).Fetch(ctx, hub.Request{
//		Repo:  hub.Repo{Hub: hub.ModelScope, ID: "Kwai-Kolors/Kolors"},
//		Allow: []string{"vae/*"},
//	})
//
// # What is promised
//
//   - A file under its final name holds verified bytes: the size always, SHA-256 or
//     the git blob's SHA-1 wherever the hub says it. Bytes arrive under another name.
//   - A token goes to the scheme, host and port it was given for, and nowhere else,
//     redirects and messages included.
//   - A listing with a path that leaves its folder is refused whole.
//   - What broke off goes on where it stopped, in this process or the next.
//   - Network errors, 408, 429 and 5xx are tried again; what the hub refuses is not.
//
// The pickled bookkeeping of older clients is never read.
package hub
