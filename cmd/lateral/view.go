package main

import (
	"encoding"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/catalog"
)

// How records look to people. Their JSON names are the words of the API, so
// they are the labels; what is absent is left out.

// field is one field of a record.
type field struct {
	name  string
	value reflect.Value
	omit  bool // left out when it is zero
}

// fieldsOf gives the fields of a struct by their JSON names, those of embedded
// structs among them.
func fieldsOf(v reflect.Value) (all []field) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-" || !f.IsExported():
		case f.Anonymous && name == "":
			all = append(all, fieldsOf(v.Field(i))...)
		default:
			all = append(all, field{name, v.Field(i), options != ""})
		}
	}
	return all
}

// label writes a field's name for people.
func label(path string) string { return strings.NewReplacer(".", " ", "_", " ").Replace(path) }

// text gives a value that fits on a line; false when it has parts of its own.
func text(v reflect.Value) (string, bool) {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return "", true
		}
		return text(v.Elem())
	}
	switch x := v.Interface().(type) {
	case wire.Act:
		return act(x), true
	case encoding.TextMarshaler:
		if v.IsZero() && v.Kind() != reflect.Int64 {
			return "", true
		}
		if t, ok := x.(wire.Time); ok && t == 0 {
			return "", true
		}
		if t, ok := x.(catalog.Time); ok && t == 0 {
			return "", true
		}
		s, err := x.MarshalText()
		return string(s), err == nil
	case fmt.Stringer:
		return x.String(), true
	}
	switch v.Kind() {
	case reflect.String:
		return v.String(), true
	case reflect.Bool:
		if v.Bool() {
			return "yes", true
		}
		return "no", true
	case reflect.Int, reflect.Int32, reflect.Int64:
		return strconv.FormatInt(v.Int(), 10), true
	case reflect.Uint8, reflect.Uint32, reflect.Uint64:
		return strconv.FormatUint(v.Uint(), 10), true
	case reflect.Float64:
		return strconv.FormatFloat(v.Float(), 'f', -1, 64), true
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return fmt.Sprintf("%x", v.Bytes()), true
		}
		parts := make([]string, v.Len())
		for i := range parts {
			s, ok := text(v.Index(i))
			if !ok {
				return "", false
			}
			parts[i] = s
		}
		return strings.Join(parts, ", "), true
	}
	return "", false
}

// act tells an authorised step in a line; its signature is in the document.
func act(a wire.Act) string {
	s := fmt.Sprintf("by %s at %s, height %d", a.By, stamp(a.Time), a.Height)
	if a.Limit != "" {
		s += ", limit " + a.Limit
	}
	if a.Key == (wire.Act{}).Key {
		return s + ", the node alone"
	}
	return s + ", key " + a.Key.Short()
}

func stamp(t wire.Time) string {
	s, _ := t.MarshalText() // never fails
	return string(s)
}

// writeRecord prints a record: a line for each field, parts below their name.
func writeRecord(w io.Writer, v any) error {
	var b strings.Builder
	record(&b, "", reflect.ValueOf(v))
	_, err := io.WriteString(w, b.String())
	return err
}

func record(b *strings.Builder, indent string, v reflect.Value) {
	for v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	fields := fieldsOf(v)
	width := 0
	shown := fields[:0]
	for _, f := range fields {
		s, ok := text(f.value)
		if ok && s == "" || f.omit && f.value.IsZero() || !ok && (f.value.Kind() == reflect.Slice || f.value.Kind() == reflect.Map) && f.value.Len() == 0 {
			continue
		}
		shown = append(shown, f)
		if ok {
			width = max(width, len(f.name))
		}
	}
	for _, f := range shown {
		if s, ok := text(f.value); ok {
			s = strings.ReplaceAll(s, "\n", "\n"+indent+strings.Repeat(" ", width+2))
			fmt.Fprintf(b, "%s%-*s  %s\n", indent, width, label(f.name), s)
			continue
		}
		fmt.Fprintf(b, "%s%s\n", indent, label(f.name))
		switch f.value.Kind() {
		case reflect.Slice:
			parts(b, indent+"  ", f.value)
		case reflect.Map:
			keys := f.value.MapKeys()
			slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
			var rows [][]string
			for _, k := range keys {
				s, _ := text(f.value.MapIndex(k))
				rows = append(rows, []string{k.String(), s})
			}
			table(b, indent+"  ", []string{"", ""}, rows, false)
		default:
			record(b, indent+"  ", f.value)
		}
	}
}

// parts prints a list inside a record: a table when each part fits on a line.
func parts(b *strings.Builder, indent string, list reflect.Value) {
	if columns, ok := flat(list.Type().Elem(), ""); ok {
		var rows [][]string
		for i := range list.Len() {
			rows = append(rows, row(list.Index(i), columns))
		}
		head := make([]string, len(columns))
		for i, c := range columns {
			head[i] = label(c)
		}
		table(b, indent, head, rows, true)
		return
	}
	for i := range list.Len() {
		if i > 0 {
			b.WriteString("\n")
		}
		record(b, indent, list.Index(i))
	}
}

// flat gives the paths of all that a type holds; false when it holds lists of
// parts, which have no place in a line.
func flat(t reflect.Type, prefix string) (paths []string, ok bool) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	for _, f := range fieldsOf(reflect.New(t).Elem()) {
		x := f.value.Type()
		for x.Kind() == reflect.Pointer {
			x = x.Elem()
		}
		if _, ok := text(reflect.New(x).Elem()); ok && !(x.Kind() == reflect.Slice && x.Elem().Kind() == reflect.Struct) {
			paths = append(paths, prefix+f.name)
			continue
		}
		if x.Kind() != reflect.Struct {
			return nil, false
		}
		below, ok := flat(x, prefix+f.name+".")
		if !ok {
			return nil, false
		}
		paths = append(paths, below...)
	}
	return paths, true
}

// at finds a value by its path; false when a part on the way is absent. A path
// that the type does not have is a mistake in this program.
func at(v reflect.Value, path string) (found reflect.Value, there bool) {
	there = true
	for name := range strings.SplitSeq(path, ".") {
		for v.Kind() == reflect.Pointer {
			if v.IsNil() {
				v, there = reflect.New(v.Type().Elem()), false
			}
			v = v.Elem()
		}
		fields := fieldsOf(v)
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == name })
		if i < 0 {
			panic(fmt.Sprintf("%s has no %s", v.Type(), name))
		}
		v = fields[i].value
	}
	return v, there
}

func row(v reflect.Value, columns []string) []string {
	cells := make([]string, len(columns))
	for i, c := range columns {
		if x, ok := at(v, c); ok {
			cells[i], _ = text(x)
		}
	}
	return cells
}

// writeList prints a list as a table with the given columns: paths of fields,
// separated by spaces.
func writeList[T any](w io.Writer, items []T, columns string) error {
	paths := strings.Fields(columns)
	head := make([]string, len(paths))
	for i, p := range paths {
		head[i] = label(p)
	}
	row(reflect.New(reflect.TypeFor[T]()).Elem(), paths) // all of them exist
	rows := make([][]string, len(items))
	for i, x := range items {
		rows[i] = row(reflect.ValueOf(x), paths)
	}
	return writeTable(w, head, rows)
}

func writeTable(w io.Writer, head []string, rows [][]string) error {
	var b strings.Builder
	table(&b, "", head, rows, false)
	_, err := io.WriteString(w, b.String())
	return err
}

// table prints rows under a head, numbers to the right. sparse leaves out
// columns in which nothing stands.
func table(b *strings.Builder, indent string, head []string, rows [][]string, sparse bool) {
	width, right := make([]int, len(head)), make([]bool, len(head))
	var used []int
	for c := range head {
		width[c], right[c] = utf8.RuneCountInString(head[c]), len(rows) > 0
		empty := true
		for _, r := range rows {
			width[c] = max(width[c], utf8.RuneCountInString(r[c]))
			empty = empty && r[c] == ""
			right[c] = right[c] && number(r[c])
		}
		if !sparse || !empty {
			used = append(used, c)
		}
	}
	line := func(cells []string) {
		var l strings.Builder
		for i, c := range used {
			if i > 0 {
				l.WriteString("  ")
			}
			pad := strings.Repeat(" ", width[c]-utf8.RuneCountInString(cells[c]))
			if right[c] {
				l.WriteString(pad + cells[c])
			} else {
				l.WriteString(cells[c] + pad)
			}
		}
		b.WriteString(indent + strings.TrimRight(l.String(), " ") + "\n")
	}
	if strings.Join(head, "") != "" {
		line(head)
	}
	for _, r := range rows {
		line(r)
	}
}

// number reports whether a cell is a number, or has none.
func number(s string) bool {
	return strings.Trim(s, "-.0123456789") == "" && len(s) < 25
}
