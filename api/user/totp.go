package user

import (
	"crypto/subtle"
	"encoding/base64"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/lateral-network/lateral/fault"
)

// One-time codes (RFC 6238): six digits, SHA-1, 30 seconds, as every app makes
// them. A code of the step before or after counts too, and each counts once.

// step is how long a code is shown.
const step = 30 * time.Second

// EnrolTOTP begins with one-time codes: the secret for the person's app, as text
// and as the address that a picture for its camera shows. It counts when a code
// confirms it. Codes: not-found, conflict.
func (f *File) EnrolTOTP(name, issuer string) (secret, url string, err error) {
	u, ok := f.Get(name)
	if !ok {
		return "", "", unknown(name)
	}
	if u.TOTP {
		return "", "", fault.New(fault.Conflict, "there are one-time codes already", "remove them first")
	}
	k, err := totp.Generate(totp.GenerateOpts{Issuer: issuer, AccountName: u.Name})
	if err != nil {
		return "", "", err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.enrols.put(u.Name, k.Secret(), f.now())
	return k.Secret(), k.URL(), nil
}

// ConfirmTOTP makes one-time codes count: the app has shown the first. Other
// sessions are over. Codes: not-yet when nothing was begun, invalid when the code
// is wrong.
func (f *File) ConfirmTOTP(name, text string) (User, error) {
	name = Folded(name)
	f.mu.Lock()
	secret, ok := f.enrols.get(name, f.now())
	f.mu.Unlock()
	if !ok {
		return User{}, fault.New(fault.NotYet, "no one-time codes were begun within the last five minutes", "begin again")
	}
	used, ok := f.codeStep(secret, text)
	if !ok {
		return User{}, wrongCode()
	}
	u, err := f.change(name, func(r *record) error {
		if r.TOTP != nil {
			return fault.New(fault.Conflict, "there are one-time codes already", "remove them first")
		}
		sealed := f.seal.Seal(nil, nil, []byte(secret), []byte("totp "+r.ID))
		r.TOTP = &code{Sealed: base64.StdEncoding.EncodeToString(sealed), Used: used}
		r.restamp()
		return nil
	})
	if err == nil {
		f.mu.Lock()
		f.enrols.take(name, f.now())
		f.mu.Unlock()
	}
	return u, err
}

// RemoveTOTP ends one-time codes, by one of them. Other sessions are over. Codes:
// not-found, invalid.
func (f *File) RemoveTOTP(name, text string) (User, error) {
	return f.change(name, func(r *record) error {
		if r.TOTP == nil {
			return fault.New(fault.NotFound, "there are no one-time codes", "nothing is to do")
		}
		if err := f.spend(r, text, wrongCode()); err != nil {
			return err
		}
		r.TOTP = nil
		r.restamp()
		return nil
	})
}

func wrongCode() error {
	return fault.New(fault.Invalid, "the code is wrong, or was used before", "wait for the next one; see that the clock of the device is right").In("code")
}

// spend takes a code that was not taken before, or gives the error wrong.
func (f *File) spend(r *record, text string, wrong error) error {
	sealed, err := base64.StdEncoding.DecodeString(r.TOTP.Sealed)
	if err != nil {
		return err
	}
	secret, err := f.seal.Open(nil, nil, sealed, []byte("totp "+r.ID))
	if err != nil {
		return fault.New(fault.Corrupt, "the secret of the one-time codes does not open with this node's keys",
			"ask an administrator of this node for a link that resets (lateral user link --reset)").Because(err)
	}
	at, ok := f.codeStep(string(secret), text)
	if !ok || at <= r.TOTP.Used {
		return wrong
	}
	r.TOTP.Used = at
	return nil
}

// codeStep tells of which step a code is.
func (f *File) codeStep(secret, text string) (at int64, ok bool) {
	now := f.now().Unix() / int64(step/time.Second)
	for _, s := range []int64{now - 1, now, now + 1} {
		want, err := totp.GenerateCode(secret, time.Unix(s*int64(step/time.Second), 0))
		if err == nil && subtle.ConstantTimeCompare([]byte(want), []byte(text)) == 1 {
			at, ok = s, true
		}
	}
	return at, ok
}
