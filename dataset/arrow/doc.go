// Package arrow lets package dataset read Arrow files: IPC streams and files, as the
// datasets library keeps them in its cache, and the folders that its save_to_disk
// writes. Import it for that alone:
//
//	import _ "github.com/easel-go/easel/dataset/arrow"
//
// It is a module of its own, so that a program without Arrow files need not carry the
// Arrow library.
package arrow
