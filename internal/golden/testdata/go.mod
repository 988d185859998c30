// A module of its own keeps the reference cases out of users' downloads.
module github.com/easel-go/easel/internal/golden/testdata

go 1.26.0
