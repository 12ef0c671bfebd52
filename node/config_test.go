package node

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/lateral-network/lateral/fault"
)

// A folder that lateral node init made can be named by a relative path, moved,
// and run from anywhere.
func TestANodesFolderCanBeMoved(t *testing.T) {
	t.Chdir(t.TempDir())
	s, err := Init(InitOptions{Dir: "alpha", Carrier: "ALPHA", LegalName: "Alpha", Country: "CH", Exchange: "127.0.0.1:0", API: "127.0.0.1:0",
		Validator: "one", P2P: "127.0.0.1:0", Follow: "127.0.0.1:0", WorkFactor: 10})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename("alpha", "moved"); err != nil {
		t.Fatal(err)
	}
	c, err := ReadConfig(filepath.Join("moved", filepath.Base(s.ConfigFile)))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{c.Keys, c.Passphrase, c.API.Tokens, c.API.Users, "moved/application.json", "moved/delegates.json"} {
		if _, err := os.Stat(path); err != nil {
			t.Errorf("the configuration names %s: %v", path, err)
		}
	}
}

// Paths outside the folder stay what they are wherever the node is run.
func TestPathsOutsideTheFolderAreAbsolute(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	c := Config{Carrier: "ALPHA", Data: "alpha/data", Keys: "k", Passphrase: "p", Network: "network.json", Genesis: "genesis.json",
		Validator: &Validator{Name: "one", P2P: "127.0.0.1:0", Follow: "127.0.0.1:0"}, Exchange: Listener{Listen: "127.0.0.1:0"}}
	if err := os.Mkdir("alpha", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := c.Write("alpha/config.yaml"); err != nil {
		t.Fatal(err)
	}
	t.Chdir("/")
	got, err := ReadConfig(filepath.Join(dir, "alpha/config.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(dir, "network.json"); got.Network != want || got.Data != filepath.Join(dir, "alpha/data") {
		t.Errorf("network %s, data %s; want %s and the folder's data", got.Network, got.Data, want)
	}
}

// What is written is a copy: the configuration in hand can be used on.
func TestWritingAConfigurationLeavesItAsItIs(t *testing.T) {
	dir := t.TempDir()
	secret := filepath.Join(dir, "bravo.secret")
	c := Config{Data: filepath.Join(dir, "data"), Mesh: Mesh{Neighbours: []Neighbour{{Partner: "BRAVO", Secret: secret}}}}
	if err := c.Write(filepath.Join(dir, "config.yaml")); err != nil {
		t.Fatal(err)
	}
	if got := c.Mesh.Neighbours[0].Secret; got != secret {
		t.Errorf("the secret is in %s now", got)
	}
}

// A node that cannot be opened says why and leaves nothing locked.
func TestANodeThatCannotStartSaysWhy(t *testing.T) {
	s, err := Init(InitOptions{Dir: t.TempDir(), Validator: "one", P2P: "127.0.0.1:0", Follow: "127.0.0.1:0", WorkFactor: 10})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time shows that the data folder was released
		n, err := Open(s.Config, nil)
		if n != nil || fault.CodeOf(err) != fault.NotFound {
			t.Fatalf("opening a node without network file gives %v, %v; want code not-found", n, err)
		}
	}
}

// A passphrase that others may read is none: the node says how to mend it.
func TestAPassphraseThatOthersMayReadIsRefused(t *testing.T) {
	s, _ := founded(t, false)
	if err := os.Chmod(s.Config.Passphrase, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := Open(s.Config, nil)
	if f := fault.Of(err); f.Code != fault.Invalid || f.Field != "passphrase" || f.Remedy == "" {
		t.Errorf("opening the node gives %v", err)
	}
}

// A configuration of before there was a portal has its people beside its tokens.
func TestAConfigurationWithoutAUsersFileHasOne(t *testing.T) {
	if got := (API{Tokens: "/etc/lateral/tokens.yaml"}).users(); got != "/etc/lateral/users.yaml" {
		t.Errorf("it is %s", got)
	}
	if got := (API{Tokens: "/etc/lateral/tokens.yaml", Users: "/srv/people.yaml"}).users(); got != "/srv/people.yaml" {
		t.Errorf("it is %s", got)
	}
}
