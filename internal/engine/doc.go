// Package engine says what a device must be able to do. It knows no network and no
// graph.
package engine
