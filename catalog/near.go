package catalog

import "math"

// discs finds the circles that a place lies in. The earth is cut into cells of
// one degree; a circle stands in every cell that it may touch.
type discs[T comparable] struct {
	cells map[[2]int16]map[T]disc
	wide  map[T]disc // too large for cells
}

type disc struct {
	centre Place
	radius uint64 // metres
}

func newDiscs[T comparable]() *discs[T] {
	return &discs[T]{map[[2]int16]map[T]disc{}, map[T]disc{}}
}

// maxCells is how many cells a circle stands in at most.
const maxCells = 2000

// metresOfDegree is how long a degree of latitude is at least.
const metresOfDegree = 111_000

// cellsOf calls f with the cells that a circle may touch; false when they are
// too many.
func cellsOf(d disc, f func([2]int16)) bool {
	lat, long := float64(d.centre.Latitude)/1e6, float64(d.centre.Longitude)/1e6
	up := float64(d.radius)/metresOfDegree + 1e-6
	low, high := max(-90, lat-up), min(90, lat+up)
	side := 360.0
	if widest := max(math.Abs(low), math.Abs(high)); widest < 89 {
		side = up / math.Cos(widest*math.Pi/180)
	}
	south, north := int(math.Floor(low)), int(math.Floor(high))
	west, east := int(math.Floor(long-side)), int(math.Floor(long+side))
	if east-west >= 360 {
		west, east = -180, 179
	}
	if (north-south+1)*(east-west+1) > maxCells {
		return false
	}
	for y := south; y <= north; y++ {
		for x := west; x <= east; x++ {
			f([2]int16{int16(y), int16((x%360 + 540) % 360)})
		}
	}
	return true
}

func (s *discs[T]) put(key T, d disc) {
	if !cellsOf(d, func(c [2]int16) {
		if s.cells[c] == nil {
			s.cells[c] = map[T]disc{}
		}
		s.cells[c][key] = d
	}) {
		s.wide[key] = d
	}
}

func (s *discs[T]) remove(key T, d disc) {
	if !cellsOf(d, func(c [2]int16) { delete(s.cells[c], key) }) {
		delete(s.wide, key)
	}
}

// around calls f with each circle that a place lies in.
func (s *discs[T]) around(p Place, f func(T)) {
	cell := [2]int16{int16(math.Floor(float64(p.Latitude) / 1e6)), int16((int(math.Floor(float64(p.Longitude)/1e6))%360 + 540) % 360)}
	for _, some := range []map[T]disc{s.cells[cell], s.wide} {
		for key, d := range some {
			if Distance(d.centre, p) <= d.radius {
				f(key)
			}
		}
	}
}
