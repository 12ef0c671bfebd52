package portal

import (
	"embed"
	"io/fs"
)

// The web build writes into dist. Without one the folder has a mark only, and the
// portal says how to build it.
//
//go:embed all:dist
var dist embed.FS

// Dist gives the web files that this binary was built with.
func Dist() fs.FS {
	inside, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // the name is a valid one
	}
	return inside
}
