package seal

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
)

var rewrite = flag.Bool("rewrite", false, "seal the golden files anew; old readers must still open the old ones, so keep them")

func testKey(n byte) Key { return KeyFromSeed([32]byte{n}) }

// content gives n bytes that repeat nowhere near a chunk's length.
func content(n int) []byte {
	out := make([]byte, 0, n+32)
	for i := 0; len(out) < n; i++ {
		h := sha256.Sum256([]byte{byte(i), byte(i >> 8), byte(i >> 16)})
		out = append(out, h[:]...)
	}
	return out[:n]
}

func sealFile(t testing.TB, to PublicKey, info, plain []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := NewWriter(&out, to, info)
	if err != nil {
		t.Fatal(err)
	}
	// Odd pieces, so that pieces and chunks do not meet.
	for len(plain) > 0 {
		n := min(len(plain), 10_007)
		if _, err := w.Write(plain[:n]); err != nil {
			t.Fatal(err)
		}
		plain = plain[n:]
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func openFile(k Key, info, sealed []byte) ([]byte, error) {
	r, err := NewReader(bytes.NewReader(sealed), k, info)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

func TestAWrappedSecretOpensForItsReaderOnly(t *testing.T) {
	key, other := testKey(1), testKey(2)
	info, secret := []byte("chain|channel|7"), []byte("thirty-two bytes of an epoch key")
	sealed, err := Wrap(key.Public(), info, secret)
	if err != nil {
		t.Fatal(err)
	}
	if len(sealed) != len(secret)+Overhead {
		t.Fatalf("%d sealed bytes, want %d", len(sealed), len(secret)+Overhead)
	}
	got, err := Open(key, info, sealed)
	if err != nil || !bytes.Equal(got, secret) {
		t.Fatalf("got %x, %v", got, err)
	}
	again, err := Wrap(key.Public(), info, secret)
	if err != nil || bytes.Equal(again, sealed) {
		t.Fatalf("the same secret was sealed to the same bytes (%v)", err)
	}
	for name, open := range map[string]func() ([]byte, error){
		"another key":   func() ([]byte, error) { return Open(other, info, sealed) },
		"no key":        func() ([]byte, error) { return Open(Key{}, info, sealed) },
		"another info":  func() ([]byte, error) { return Open(key, []byte("chain|channel|8"), sealed) },
		"no info":       func() ([]byte, error) { return Open(key, nil, sealed) },
		"empty":         func() ([]byte, error) { return Open(key, info, nil) },
		"short":         func() ([]byte, error) { return Open(key, info, sealed[:Overhead-1]) },
		"cut":           func() ([]byte, error) { return Open(key, info, sealed[:len(sealed)-1]) },
		"extended":      func() ([]byte, error) { return Open(key, info, append(bytes.Clone(sealed), 0)) },
		"read as file":  func() ([]byte, error) { return openFile(key, info, sealed) },
		"other version": func() ([]byte, error) { return Open(key, info, append([]byte{2}, sealed[1:]...)) },
	} {
		if got, err := open(); fault.CodeOf(err) != CodeUnreadable || len(got) > 0 {
			t.Errorf("%s: got %x, %v, want code unreadable", name, got, err)
		}
	}
}

func TestEveryFlippedBitOfAWrappedSecretIsRefused(t *testing.T) {
	key := testKey(1)
	sealed, err := Wrap(key.Public(), nil, []byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range sealed {
		if i > 0 && i < encapsulatedSize && i%37 != 0 {
			continue // the encapsulated key is one value; some of its bits stand for all
		}
		for bit := range 8 {
			bad := bytes.Clone(sealed)
			bad[i] ^= 1 << bit
			if _, err := Open(key, nil, bad); !IsUnreadable(err) {
				t.Fatalf("byte %d bit %d: %v", i, bit, err)
			}
		}
	}
}

// X25519 ignores the top bit of a point, but the KEM hashes the point as sent.
func TestTheTopBitOfThePointIsBound(t *testing.T) {
	key := testKey(1)
	sealed, err := Wrap(key.Public(), nil, []byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	sealed[encapsulatedSize] ^= 0x80
	if _, err := Open(key, nil, sealed); !IsUnreadable(err) {
		t.Fatalf("got %v", err)
	}
}

func TestAFileOfAnySizeComesBack(t *testing.T) {
	key, info := testKey(1), []byte("info")
	for _, n := range []int{0, 1, 511, 4096, ChunkSize - 1, ChunkSize, ChunkSize + 1, 2 * ChunkSize, 3*ChunkSize + 5} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			plain := content(n)
			sealed := sealFile(t, key.Public(), info, plain)
			if int64(len(sealed)) != SealedSize(int64(n)) {
				t.Fatalf("%d sealed bytes, SealedSize says %d", len(sealed), SealedSize(int64(n)))
			}
			for name, wrap := range map[string]func(io.Reader) io.Reader{
				"whole": func(r io.Reader) io.Reader { return r },
				"half":  iotest.HalfReader, "eof with data": iotest.DataErrReader,
			} {
				r, err := NewReader(wrap(bytes.NewReader(sealed)), key, info)
				if err != nil {
					t.Fatal(err)
				}
				got, err := io.ReadAll(r)
				if err != nil || !bytes.Equal(got, plain) {
					t.Fatalf("%s: %d bytes back, %v", name, len(got), err)
				}
			}
		})
	}
}

func TestATamperedFileIsRefused(t *testing.T) {
	key, info := testKey(1), []byte("info")
	const head = 1 + encapsulatedSize
	plain := content(3*ChunkSize + 100)
	sealed := sealFile(t, key.Public(), info, plain)
	chunk := func(i int) []byte { return sealed[head+i*sealedChunkSize:][:sealedChunkSize] }
	last := sealed[head+3*sealedChunkSize:]
	join := func(parts ...[]byte) []byte { return bytes.Join(append([][]byte{sealed[:head]}, parts...), nil) }
	flip := func(at int) []byte {
		bad := bytes.Clone(sealed)
		bad[at] ^= 1
		return bad
	}
	whole := sealFile(t, key.Public(), info, content(2*ChunkSize))
	for name, bad := range map[string][]byte{
		"nothing":                 {},
		"cut in the head":         sealed[:head-1],
		"no chunk":                sealed[:head],
		"cut within a chunk":      sealed[:head+sealedChunkSize+7],
		"cut between chunks":      join(chunk(0), chunk(1)),
		"last chunk lost":         join(chunk(0), chunk(1), chunk(2)),
		"cut within the last":     sealed[:len(sealed)-1],
		"first chunk lost":        join(chunk(1), chunk(2), last),
		"chunks swapped":          join(chunk(1), chunk(0), chunk(2), last),
		"chunk repeated":          join(chunk(0), chunk(0), chunk(1), chunk(2), last),
		"byte appended":           append(bytes.Clone(sealed), 0),
		"chunk appended":          join(chunk(0), chunk(1), chunk(2), last, chunk(0)),
		"last chunk first":        join(last),
		"full last chunk dropped": whole[:head+sealedChunkSize],
		"appended to full last":   append(bytes.Clone(whole), make([]byte, tagSize)...),
		"flip in version":         flip(0),
		"flip in ML-KEM":          flip(100),
		"flip in X25519":          flip(1100),
		"flip in first chunk":     flip(head),
		"flip in a tag":           flip(head + sealedChunkSize - 1),
		"flip in last chunk":      flip(len(sealed) - tagSize - 1),
		"flip in last tag":        flip(len(sealed) - 1),
	} {
		got, err := openFile(key, info, bad)
		if !IsUnreadable(err) {
			t.Errorf("%s: %v, want code unreadable", name, err)
		}
		if !bytes.HasPrefix(plain, got) && !bytes.HasPrefix(content(2*ChunkSize), got) {
			t.Errorf("%s: gave bytes that were never sealed in that place", name)
		}
	}
	if _, err := openFile(testKey(2), info, sealed); !IsUnreadable(err) {
		t.Errorf("another key: %v", err)
	}
	if _, err := openFile(key, []byte("inf"), sealed); !IsUnreadable(err) {
		t.Errorf("another info: %v", err)
	}
}

func TestAnEmptyLastChunkAfterOthersIsRefused(t *testing.T) {
	key := testKey(1)
	var out bytes.Buffer
	w, err := NewWriter(&out, key.Public(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content(ChunkSize)); err != nil {
		t.Fatal(err)
	}
	if err := w.flush(moreFollows); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := openFile(key, nil, out.Bytes()); !IsUnreadable(err) {
		t.Fatalf("one file has two sealed forms: %v", err)
	}
}

func TestABrokenConnectionIsNotTakenForTampering(t *testing.T) {
	key := testKey(1)
	plain := content(2*ChunkSize + 10)
	sealed := sealFile(t, key.Public(), nil, plain)
	cut := errors.New("connection reset")
	for _, failure := range []error{cut, io.ErrUnexpectedEOF} {
		for _, at := range []int{0, 10, 2000, 1 + encapsulatedSize + sealedChunkSize, len(sealed) - 1, len(sealed)} {
			source := io.MultiReader(bytes.NewReader(sealed[:at]), iotest.ErrReader(failure))
			r, err := NewReader(source, key, nil)
			var got []byte
			if err == nil {
				got, err = io.ReadAll(r)
			}
			if err != failure {
				t.Errorf("cut at %d: %v, want %v", at, err, failure)
			}
			if !bytes.HasPrefix(plain, got) {
				t.Errorf("cut at %d: wrong bytes", at)
			}
		}
	}
}

func TestAFullDiskStopsTheWriter(t *testing.T) {
	full := errors.New("no space left")
	w, err := NewWriter(&limited{left: 1 + encapsulatedSize + ChunkSize, err: full}, testKey(1).Public(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content(3 * ChunkSize)); !errors.Is(err, full) {
		t.Fatalf("write: %v", err)
	}
	if err := w.Close(); !errors.Is(err, full) {
		t.Fatalf("close hides the failure: %v", err)
	}
}

type limited struct {
	left int
	err  error
}

func (l *limited) Write(p []byte) (int, error) {
	if l.left -= len(p); l.left < 0 {
		return 0, l.err
	}
	return len(p), nil
}

func TestKeysAreCheckedBeforeUse(t *testing.T) {
	good := testKey(1).Public()
	if _, err := PublicKeyFrom(good.Bytes()); err != nil {
		t.Fatal(err)
	}
	outOfRange := good
	outOfRange[0], outOfRange[1] = 0xff, 0xff
	smallOrder := good
	clear(smallOrder[1184:])
	for name, data := range map[string][]byte{
		"empty": nil, "short": good[:PublicKeySize-1], "long": append(good.Bytes(), 0),
		"coefficient out of range": outOfRange[:], "point of small order": smallOrder[:],
	} {
		if _, err := PublicKeyFrom(data); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%s: %v, want code invalid", name, err)
		}
	}
	for name, key := range map[string]PublicKey{"out of range": outOfRange, "small order": smallOrder} {
		if _, err := Wrap(key, nil, nil); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("wrap for %s: %v", name, err)
		}
		if _, err := NewWriter(io.Discard, key, nil); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("file for %s: %v", name, err)
		}
	}
}

func TestAPublicKeyHasOneTextAndOneEncoding(t *testing.T) {
	key := testKey(1).Public()
	line, err := key.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	var back PublicKey
	if err := back.UnmarshalText(line); err != nil || back != key {
		t.Fatalf("text did not come back: %v", err)
	}
	for name, bad := range map[string]string{
		"short": string(line[1:]), "line break": string(line[:100]) + "\n" + string(line[101:]),
		"left-over bits": string(line[:len(line)-1]) + "B", "not base64": "*" + string(line[1:]),
	} {
		if err := back.UnmarshalText([]byte(bad)); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	type record struct {
		Key PublicKey `cbor:"1,keyasint"`
	}
	var out record
	data := canon.Must(record{key})
	if err := canon.Decode(data, &out); err != nil || out.Key != key {
		t.Fatalf("canonical bytes did not come back: %v", err)
	}
	if len(data) > PublicKeySize+8 {
		t.Fatalf("the key takes %d bytes; it must be one byte string", len(data))
	}
}

func TestASecretDoesNotPrint(t *testing.T) {
	key, err := GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	seed := key.Seed()
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("made", "key", key)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("made", "key", key)
	fmt.Fprintf(&log, "%v %+v %#v %s", key, key, key, key)
	if _, err := json.Marshal(key); err == nil {
		t.Error("a private key was encoded")
	}
	for _, secret := range []string{hex.EncodeToString(seed[:]), fmt.Sprint(seed[:]), fmt.Sprintf("%#v", seed[:])} {
		if strings.Contains(log.String(), secret) {
			t.Fatalf("the seed is in %s", log.String())
		}
	}
	if KeyFromSeed(seed).Public() != key.Public() {
		t.Error("the seed gives another key")
	}
	if _, err := GenerateKey(bytes.NewReader(make([]byte, 31))); err == nil {
		t.Error("a key was made from too little randomness")
	}
}

// The golden files were sealed once; every later version must open them.
func TestOldSealedBytesStayReadable(t *testing.T) {
	key, info := testKey(7), []byte("golden")
	const wantID = "db7620c2"
	if key.Public().String() != wantID {
		t.Errorf("the key of a seed changed: %s, want %s", key.Public(), wantID)
	}
	secret, plain := []byte("an epoch key of thirty-two bytes"), content(ChunkSize+3)
	if *rewrite {
		wrapped, err := Wrap(key.Public(), info, secret)
		if err != nil {
			t.Fatal(err)
		}
		write(t, "testdata/wrapped.v1", wrapped)
		write(t, "testdata/file.v1", sealFile(t, key.Public(), info, plain))
		write(t, "testdata/small.v1", sealFile(t, key.Public(), info, plain[:100]))
	}
	if got, err := Open(key, info, read(t, "testdata/wrapped.v1")); err != nil || !bytes.Equal(got, secret) {
		t.Errorf("wrapped: %x, %v", got, err)
	}
	if got, err := openFile(key, info, read(t, "testdata/file.v1")); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("file: %d bytes, %v", len(got), err)
	}
	if got, err := openFile(key, info, read(t, "testdata/small.v1")); err != nil || !bytes.Equal(got, plain[:100]) {
		t.Errorf("small file: %d bytes, %v", len(got), err)
	}
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func write(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(name, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func FuzzOpen(f *testing.F) {
	key, info := testKey(7), []byte("golden")
	good := read(f, "testdata/wrapped.v1")
	f.Add(good)
	f.Add([]byte{version})
	f.Add(good[:Overhead])
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := Open(key, info, data)
		if err == nil && !bytes.Equal(data, good) {
			t.Fatalf("opened bytes that were never sealed: %x", got)
		}
		if err != nil && !IsUnreadable(err) {
			t.Fatalf("got %v, want code unreadable", err)
		}
	})
}

func FuzzReader(f *testing.F) {
	key, info := testKey(7), []byte("golden")
	// A file of one chunk: the fuzzer is slow with long inputs, and
	// TestATamperedFileIsRefused takes several chunks apart.
	good := read(f, "testdata/small.v1")
	plain := content(100)
	f.Add(good)
	f.Add(good[:1+encapsulatedSize])
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := openFile(key, info, data)
		if err == nil && !bytes.Equal(data, good) {
			t.Fatalf("opened bytes that were never sealed: %d", len(got))
		}
		if err != nil && !IsUnreadable(err) {
			t.Fatalf("got %v, want code unreadable", err)
		}
		if !bytes.HasPrefix(plain, got) {
			t.Fatal("gave bytes that were never sealed")
		}
	})
}

func BenchmarkWrapAndOpen(b *testing.B) {
	key := testKey(1)
	secret := make([]byte, 32)
	b.ReportAllocs()
	for b.Loop() {
		sealed, err := Wrap(key.Public(), nil, secret)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := Open(key, nil, sealed); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFile(b *testing.B) {
	key := testKey(1)
	for _, size := range []int{400, 16 << 20} {
		plain := content(size)
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				sealed := bytes.NewBuffer(make([]byte, 0, SealedSize(int64(size))))
				w, err := NewWriter(sealed, key.Public(), nil)
				if err != nil {
					b.Fatal(err)
				}
				w.Write(plain)
				w.Close()
				r, err := NewReader(sealed, key, nil)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// A sealing key has one text, and any text is read or refused.
func FuzzPublicKeyText(f *testing.F) {
	good, err := testKey(1).Public().MarshalText()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(good))
	f.Add(string(good[:len(good)-1]) + "\n")
	f.Add(strings.Repeat("/", len(good)))
	f.Fuzz(func(t *testing.T, s string) {
		var p PublicKey
		if err := p.UnmarshalText([]byte(s)); err != nil {
			if fault.CodeOf(err) != fault.Invalid {
				t.Fatalf("code of %v", err)
			}
			return
		}
		if text, err := p.MarshalText(); err != nil || string(text) != s {
			t.Fatalf("a second text was accepted: %q", s)
		}
		if p.Check() != nil {
			return
		}
		if again, err := PublicKeyFrom(p[:]); err != nil || again != p {
			t.Fatalf("a key that is good as a text is none as bytes: %v", err)
		}
		if _, err := Wrap(p, nil, []byte("x")); err != nil {
			t.Fatalf("a key that is good takes no secret: %v", err)
		}
	})
}
