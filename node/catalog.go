package node

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/lateral-network/lateral/catalog"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/store"
)

// openCatalog opens the carrier's catalogue. Schemas that cannot be used are
// told in the log and left out; a list of places must be right as a whole, for a
// missing place would change what is sold where.
func openCatalog(c Catalog, db *store.DB, log *slog.Logger) (*catalog.Catalog, error) {
	schemas, bad := catalog.LoadSchemas(c.Schemas)
	for _, err := range bad {
		f := fault.Of(err)
		log.Warn("a schema cannot be used", "file", f.Field, "err", f.Detail, "remedy", f.Remedy)
	}
	places := catalog.BuiltIn()
	if c.Places != "" {
		f, err := os.Open(c.Places)
		if err != nil {
			return nil, fault.Newf(fault.NotFound, "name a file that this user can read, or none", "the list of places %s cannot be read", c.Places).In("catalog.places").Because(err)
		}
		defer f.Close()
		list, rejects := catalog.ReadPlaces(f)
		if len(rejects) > 0 {
			first := fault.Of(rejects[0])
			return nil, fault.Newf(fault.Invalid, "correct the row and those behind it", "%d rows of the list of places are wrong; the first: %s, %s", len(rejects), first.Field, first.Detail).In("catalog.places")
		}
		if places, err = places.With(list); err != nil {
			return nil, err
		}
	}
	return catalog.Open(db.Node(), schemas, places)
}

// sweepEvery is how often reservations that nobody confirmed are written off.
// They take no capacity meanwhile.
const sweepEvery = 10 * time.Second

// keepCatalog writes off reservations that have expired.
func (n *Node) keepCatalog(ctx context.Context) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		expired, err := n.catalog.Sweep(time.Now().UnixMilli())
		if err != nil {
			n.log.Warn("reservations cannot be written off", "err", err)
		} else if expired > 0 {
			n.log.Info("reservations have expired", "count", expired)
		}
	}
}
