//go:build race

package sheet

// raceDetector makes reading some thirty times slower.
const raceDetector = true
