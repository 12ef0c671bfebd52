package main

import (
	"log/slog"
)

// logTo gives the log of a sandbox's nodes: warnings only, or everything.
func logTo(t terminal, verbose bool) *slog.Logger {
	level := slog.LevelError
	if verbose {
		level = slog.LevelInfo
	}
	return slog.New(slog.NewTextHandler(t.err, &slog.HandlerOptions{Level: level}))
}
