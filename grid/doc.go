// Package grid lays pictures out on a sheet and resizes pictures as Pillow does.
//
//	sheet, err := grid.Tile(scenes, grid.Options{Columns: 2})
//	small, err := grid.Resize(sheet, 1024, 2048, grid.Bicubic)
//
// A sheet has rows of equal cells, filled from left to right. Pictures of another
// size than the cell are fitted into it or refused, as [Options.Fit] says; a nil
// picture leaves a marked cell, so that a sheet tells what is missing. [Options]
// has captions, gaps and colours:
//
//	face, err := grid.ParseFace(ttf, 18) // any font, for instance one with Chinese
//	sheet, err = grid.Tile(scenes, grid.Options{Columns: 4, Gap: 8, Border: 16, Captions: prompts, Face: face})
package grid
