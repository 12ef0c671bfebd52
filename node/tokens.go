package node

import (
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/durable"
)

// tokenPath is where Init leaves the text of a role's first token. The node
// itself keeps hashes only; hand the text to its user and delete the file.
func tokenPath(dir string, r api.Role) string { return filepath.Join(dir, "token-"+string(r)) }

// operators are the roles that have something to do at a mere validator.
var operators = []api.Role{api.Engineer, api.Auditor, api.Administrator}

// newTokens makes a first token for each of some roles.
func newTokens(dir string, roles []api.Role) error {
	var all []api.Token
	for _, r := range roles {
		text, t := api.NewToken("first "+string(r), r, time.Time{})
		if err := durable.WriteFile(durable.OS, tokenPath(dir, r), []byte(text+"\n"), 0o600); err != nil {
			return err
		}
		all = append(all, t)
	}
	return api.WriteTokens(filepath.Join(dir, tokensFile), all)
}

// ReadToken reads the first token of a role from a node's folder. Code:
// not-found.
func ReadToken(dir string, r api.Role) (string, error) {
	data, err := os.ReadFile(tokenPath(dir, r))
	if err != nil {
		return "", fault.Newf(fault.NotFound, "make a new one with lateral node token", "the first token of %s is not in %s any more", r, dir).Because(err)
	}
	return strings.TrimSpace(string(data)), nil
}
