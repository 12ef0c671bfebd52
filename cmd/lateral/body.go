package main

import (
	"bytes"
	"encoding/json"
	"fmt"

	"go.yaml.in/yaml/v3"

	"github.com/lateral-network/lateral/fault"
)

// body reads a request's body, YAML or JSON, from a file that the user named.
func (t terminal) body(path string, into any) error {
	data, err := t.read(path)
	if err != nil {
		return err
	}
	bad := func(err error) error {
		return fault.Newf(fault.Invalid, "correct the file; texts of digits, such as amounts, stand in quotes", "%s cannot be understood: %v", path, err)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return bad(err)
	}
	var b bytes.Buffer
	if err := asJSON(&b, &doc); err != nil {
		return bad(err)
	}
	d := json.NewDecoder(&b)
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		if f := fault.Of(err); f.Code != fault.Internal {
			return fmt.Errorf("reading %s: %w", path, f)
		}
		return bad(err)
	}
	return nil
}

// asJSON writes a YAML document as JSON. Numbers with a point and times stay
// the texts that they are, for the API takes them so.
func asJSON(b *bytes.Buffer, n *yaml.Node) error {
	switch n.Kind {
	case yaml.DocumentNode:
		return asJSON(b, n.Content[0])
	case yaml.AliasNode:
		return fmt.Errorf("line %d: an alias is not taken here", n.Line)
	case yaml.MappingNode:
		b.WriteByte('{')
		for i := 0; i < len(n.Content); i += 2 {
			if i > 0 {
				b.WriteByte(',')
			}
			quoted(b, n.Content[i].Value)
			b.WriteByte(':')
			if err := asJSON(b, n.Content[i+1]); err != nil {
				return err
			}
		}
		b.WriteByte('}')
	case yaml.SequenceNode:
		b.WriteByte('[')
		for i, x := range n.Content {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := asJSON(b, x); err != nil {
				return err
			}
		}
		b.WriteByte(']')
	case yaml.ScalarNode:
		switch n.Tag {
		case "!!null":
			b.WriteString("null")
		case "!!int", "!!bool":
			var v any
			if err := n.Decode(&v); err != nil {
				return err
			}
			fmt.Fprint(b, v)
		default:
			quoted(b, n.Value)
		}
	default:
		return fmt.Errorf("the file is empty")
	}
	return nil
}

func quoted(b *bytes.Buffer, s string) {
	data, err := json.Marshal(s)
	if err != nil {
		panic(err) // a text has a form in JSON
	}
	b.Write(data)
}
