package graph

// Mark records n under the path of the scopes that are open, and returns it: tests
// compare the values of modules with a reference's, a block at a time.
func (b *Builder) Mark(n *Node) *Node {
	if b.marks == nil {
		b.marks = map[string]*Node{}
	}
	b.marks[b.path] = n
	return n
}

// Marks returns what was recorded, by path. The map must not be changed.
func (b *Builder) Marks() map[string]*Node { return b.marks }
