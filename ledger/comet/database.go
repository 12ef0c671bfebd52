package comet

import (
	"path/filepath"
	"sync"

	dbm "github.com/cometbft/cometbft-db"
	"github.com/cometbft/cometbft/config"

	"github.com/lateral-network/lateral/fault"
)

// database is a store that can be closed under its readers. The engine's
// gossip goroutines may outlive its Stop by a moment and panic on the error of
// a closed store, which would end the process; here they find nothing instead.
// Writers are gone by then: the engine waits for them.
type database struct {
	dbm.DB

	mu     sync.RWMutex
	closed bool
}

// openDatabase opens or makes a store in a data directory.
func openDatabase(home, name string) (*database, error) {
	db, err := dbm.NewGoLevelDB(name, filepath.Join(home, "data"))
	if err != nil {
		return nil, fault.Newf(fault.Corrupt, "check that no other process uses the directory, else restore it from a backup",
			"the store %q in %s cannot be opened", name, home).Because(err)
	}
	return &database{DB: db}, nil
}

// Get gives nothing once the store is closed.
func (d *database) Get(key []byte) ([]byte, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.closed {
		return nil, nil
	}
	return d.DB.Get(key)
}

// Has says no once the store is closed.
func (d *database) Has(key []byte) (bool, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.closed {
		return false, nil
	}
	return d.DB.Has(key)
}

// Close waits for reads under way.
func (d *database) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil
	}
	d.closed = true
	return d.DB.Close()
}

// Databases opens the stores of an engine that runs without this driver, which
// the bare benchmark does: they too must bear being closed under readers.
func Databases(c *config.DBContext) (dbm.DB, error) {
	return openDatabase(c.Config.RootDir, c.ID)
}
