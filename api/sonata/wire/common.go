package wire

import "time"

// Error is the body of an answer that refuses. With 422 it is an array of them.
type Error struct {
	Code         string `json:"code"`
	Reason       string `json:"reason"`
	Message      string `json:"message,omitempty"`
	Reference    string `json:"referenceError,omitempty"`
	PropertyPath string `json:"propertyPath,omitempty"`
}

// Subscription is a buyer's wish to be told of changes.
type Subscription struct {
	ID       string `json:"id,omitempty"`
	Callback string `json:"callback"`
	Query    string `json:"query,omitempty"` // eventType=a,b; empty: all
}

// Event is a notification.
type Event struct {
	ID   string    `json:"eventId"`
	Time time.Time `json:"eventTime"`
	Type string    `json:"eventType"`
	Of   EventOf   `json:"event"`
}

// EventOf names what has changed.
type EventOf struct {
	ID    string `json:"id"`
	Href  string `json:"href,omitempty"`
	State string `json:"state,omitempty"` // none in grace
	Raw   Value  `json:"-"`               // all of it: ids of items and the like
}

// UnmarshalJSON keeps all members beside the common ones.
func (e *EventOf) UnmarshalJSON(data []byte) error {
	if err := e.Raw.UnmarshalJSON(data); err != nil {
		return err
	}
	e.ID, e.Href, e.State = e.Raw.Get("id").Text(), e.Raw.Get("href").Text(), e.Raw.Get("state").Text()
	return nil
}

// Time writes a date as the answers have it.
func Time(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// Duration is a length of time in a unit of kylie: seconds, minutes,
// calendarHours, calendarDays, months, years, businessHours, businessDays.
type Duration struct {
	Amount int64  `json:"amount"`
	Units  string `json:"units"`
}
