module github.com/easel-go/easel/internal/asm/_gen

go 1.26.0
