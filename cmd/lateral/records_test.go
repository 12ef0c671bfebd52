package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lateral-network/lateral/line/voice"
)

const master = `"","4930111","4420222","x","","PJSIP/alpha-0000001a","PJSIP/bravo-0000001b","Dial","","2026-11-02 10:00:00","2026-11-02 10:00:05","2026-11-02 10:01:05",65,60,"ANSWERED","D","1.26",""
"","4930111","0442","x","","PJSIP/alpha-0000001a","PJSIP/bravo-0000001b","Dial","","2026-11-02 10:00:00","2026-11-02 10:00:05","2026-11-02 10:01:05",65,60,"ANSWERED","D","1.27",""
"","4930111","4420222","x","","PJSIP/alpha-0000001a","PJSIP/bravo-0000001b","Dial","","2026-02-30 10:00:00","","2026-11-02 10:01:05",65,60,"NO ANSWER","D","1.28",""
`

func TestRecordsOfAnotherSystemAreConvertedByAnEditedProfile(t *testing.T) {
	list, _ := exits(t, 0, "records", "profiles")
	for _, name := range voice.Profiles() {
		if !strings.Contains(list, name+" ") {
			t.Errorf("%s is not listed in\n%s", name, list)
		}
	}
	profile, _ := exits(t, 0, "records", "profile", "asterisk")
	edited := put(t, "switch.yaml", []byte(strings.Replace(profile, "# zone: Europe/Berlin", "zone: Europe/Berlin", 1)))
	in, dir := put(t, "Master.csv", []byte(master)), t.TempDir()
	csv, table, rejects := filepath.Join(dir, "calls.csv"), filepath.Join(dir, "calls.parquet"), filepath.Join(dir, "rejects.csv")
	out, _ := exits(t, 0, "records", "convert", in, "--format", edited, "--out", csv, "--rejects", rejects, "--json")
	var c voice.Converted
	if err := json.Unmarshal([]byte(out), &c); err != nil {
		t.Fatal(err)
	}
	if c.Read != 3 || c.Written != 2 || c.Rejected != 1 || c.Numbers != 1 || c.Rejects[0].Line != 3 {
		t.Errorf("%+v", c)
	}
	if got := string(read(t, rejects)); !strings.HasPrefix(got, "line,field,code,detail\n3,start_time,bad-time,") {
		t.Errorf("rejects: %s", got)
	}
	want := voice.UsageHeader + "\n1.26,4930111,4420222,2026-11-02T09:00:05.000Z,60000,success,ALPHA,BRAVO,PJSIP/bravo\n1.27,4930111,0442,2026-11-02T09:00:05.000Z,60000,success,ALPHA,BRAVO,PJSIP/bravo\n"
	if got := string(read(t, csv)); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	exits(t, 0, "records", "convert", csv, "--out", table)
	back, said := exits(t, 0, "records", "convert", table, "--out", "-")
	if back != want || !strings.Contains(said, "parquet, 2 rows read, 2 written, 0 rejected") {
		t.Errorf("%s\nwant\n%s\n%s", back, want, said)
	}
	// What is there already is not written over, and what cannot be read leaves nothing.
	exits(t, 1, "records", "convert", csv, "--out", table)
	none := filepath.Join(dir, "none.csv")
	_, said = exits(t, 1, "records", "convert", in, "--out", none)
	if _, err := os.Stat(none); !os.IsNotExist(err) || !strings.Contains(said, "lateral records profiles") {
		t.Errorf("%v: %s", err, said)
	}
	_, said = exits(t, 1, "records", "convert", in, "--format", "cisco", "--out", none)
	if !strings.Contains(said, "no profile and no file is called cisco") {
		t.Error(said)
	}
}

func TestFilesOfOtherSystemsAreCompared(t *testing.T) {
	rates := put(t, "rates.csv", []byte(voice.SheetHeader+"\nUnited Kingdom,44,0.02,USD,60,1,1,2026-01-01T00:00:00Z,\n"))
	ours := put(t, "Master.csv", []byte(master))
	theirs := put(t, "theirs.csv", []byte(voice.UsageHeader+"\nx,4930111,4420222,2026-11-02 10:00:05,60000,success,ALPHA,BRAVO,\n"))
	out, _ := exits(t, 0, "compare", "--ours", ours, "--format-ours", "asterisk", "--zone-ours", "Europe/Berlin", "--theirs", theirs, "--zone-theirs", "Europe/Berlin", "--rates", rates, "--json")
	var r struct{ Matched struct{ Exact int } }
	if err := json.Unmarshal([]byte(out), &r); err != nil || r.Matched.Exact != 1 {
		t.Errorf("%v: %s", err, out)
	}
}
