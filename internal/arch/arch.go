// Package arch holds the import rule of the module as a test: who may import whom,
// which folder is a required module's home, and that every package says what it is.
package arch
