package rail

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/lateral-network/lateral/fault"
)

// What a file may hold. A day's statement of a large carrier stays far below;
// what is above is not read on.
const (
	MaxBytes    = 16 << 20 // of a file
	MaxElements = 500_000  // of a file, and attributes
	MaxDepth    = 32       // elements inside one another; the standard's deepest path has 14
)

// Codes of files that are not read at all.
const (
	// CodeSyntax says that a file is no well-formed XML in UTF-8.
	CodeSyntax fault.Code = "bank-file-syntax"
	// CodeForbidden says that a file uses what no payment message needs and
	// attacks are made of: document types, entities, processing instructions.
	CodeForbidden fault.Code = "bank-file-forbidden"
	// CodeTooLarge says that a file is larger or deeper than is read.
	CodeTooLarge fault.Code = "bank-file-too-large"
	// CodeUnknownMessage says that a file is none of the messages that are read.
	CodeUnknownMessage fault.Code = "bank-file-unknown"
	// CodeVersion says that a file is one of the messages in another version.
	CodeVersion fault.Code = "bank-file-version"
)

// namespace stands before a message's name in the name space of its file.
const namespace = "urn:iso:std:iso:20022:tech:xsd:"

// instances is the name space of attributes that say where a schema lies.
const instances = "http://www.w3.org/2001/XMLSchema-instance"

// node is an element. One with children has no text.
type node struct {
	name     string
	text     string // spaces around it taken off, tabs and line ends in it are spaces
	currency string // the attribute Ccy
	kids     []*node
	broken   bool // a comment stands in it
}

// supplement is the element whose content may be of any name space; it is
// passed over.
const supplement = "SplmtryData"

// parse reads a file into a tree and says which message its name space names.
func parse(data []byte) (*node, Kind, error) {
	if len(data) > MaxBytes {
		return nil, "", fault.Newf(CodeTooLarge, "have the bank split it", "the file has more than %d MiB", MaxBytes>>20)
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if !utf8.Valid(data) {
		return nil, "", fault.New(CodeSyntax, "the file is no UTF-8", "ask the bank for the file in UTF-8, as the standard says")
	}
	if bytes.Count(data, []byte("=")) > MaxElements {
		// The decoder keeps all attributes of an element before it shows one.
		return nil, "", fault.Newf(CodeTooLarge, "ask the bank what it sent", "the file has more than %d attributes", MaxElements)
	}
	d := xml.NewDecoder(bytes.NewReader(data))
	var root *node
	var kind Kind
	var open []*node // the path to where the decoder stands
	var text [][]byte
	elements, above := 0, 0 // above counts open elements inside a supplement
	for first := true; ; first = false {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, "", syntax(err)
		}
		switch x := token.(type) {
		case xml.ProcInst:
			if x.Target != "xml" || !first {
				return nil, "", forbidden("a processing instruction")
			}
		case xml.Directive:
			return nil, "", forbidden("a document type")
		case xml.Comment:
			if len(open) > 0 {
				open[len(open)-1].broken = true
			}
		case xml.StartElement:
			if elements++; elements > MaxElements {
				return nil, "", fault.Newf(CodeTooLarge, "have the bank split it", "the file has more than %d elements", MaxElements)
			}
			if len(open)+above >= MaxDepth {
				return nil, "", fault.Newf(CodeTooLarge, "ask the bank what it sent", "elements stand more than %d deep inside one another", MaxDepth)
			}
			if above > 0 || len(open) > 0 && open[len(open)-1].name == supplement {
				above++
				continue
			}
			n := &node{name: x.Name.Local}
			if len(open) == 0 {
				if root != nil {
					return nil, "", fault.New(CodeSyntax, "a second element stands behind the document", "ask the bank for one message a file")
				}
				if kind, err = kindOf(x.Name); err != nil {
					return nil, "", err
				}
				root = n
			} else {
				if x.Name.Space != namespace+string(kind) {
					return nil, "", element("%s is of another name space than the document", short(x.Name.Local))
				}
				above := open[len(open)-1]
				above.kids = append(above.kids, n)
			}
			if err := n.attributes(x.Attr, root == n); err != nil {
				return nil, "", err
			}
			open, text = append(open, n), append(text, nil)
		case xml.EndElement:
			if above > 0 {
				above--
				continue
			}
			last := len(open) - 1
			n := open[last]
			n.text = tidy(string(text[last]))
			if n.text != "" && len(n.kids) > 0 && n.name != supplement {
				return nil, "", element("%s has text beside elements", short(n.name))
			}
			if n.text != "" && n.broken {
				return nil, "", forbidden("a comment inside a value")
			}
			open, text = open[:last], text[:last]
		case xml.CharData:
			if len(open) > 0 && above == 0 {
				text[len(open)-1] = append(text[len(open)-1], x...)
			} else if len(open) == 0 && len(bytes.TrimSpace(x)) > 0 {
				return nil, "", fault.New(CodeSyntax, "text stands outside the document", "ask the bank for the file again")
			}
		}
	}
	if root == nil {
		return nil, "", fault.New(CodeSyntax, "the file holds no document", "ask the bank for the file again")
	}
	return root, kind, nil
}

// attributes takes the one attribute that a message has, the currency of an
// amount. Names of name spaces, and at the document where its schema lies, are
// passed over.
func (n *node) attributes(all []xml.Attr, root bool) error {
	for _, a := range all {
		switch {
		case a.Name.Space == "xmlns" || a.Name.Space == "" && a.Name.Local == "xmlns":
		case a.Name.Space == instances && root:
		case a.Name.Space == "" && a.Name.Local == "Ccy" && n.currency == "" && a.Value != "":
			n.currency = a.Value
		default:
			return element("%s has the attribute %s", short(n.name), short(a.Name.Local))
		}
	}
	return nil
}

// kindOf tells a message by the name of its document.
func kindOf(name xml.Name) (Kind, error) {
	if name.Local != "Document" {
		return "", fault.Newf(CodeUnknownMessage, "name a file of "+kinds(), "the file is no document of ISO 20022: it begins with %s", short(name.Local))
	}
	text, ok := strings.CutPrefix(name.Space, namespace)
	if !ok {
		return "", fault.Newf(CodeUnknownMessage, "name a file of "+kinds(), "the name space %q is none of ISO 20022", short(name.Space))
	}
	for _, k := range Kinds {
		if text == string(k) {
			return k, nil
		}
		if strings.HasPrefix(text, k.Message()+".") {
			return "", fault.Newf(CodeVersion, "ask the bank for "+string(k), "%s is another version of %s than is read", short(text), k.Message())
		}
	}
	return "", fault.Newf(CodeUnknownMessage, "name a file of "+kinds(), "the message %s is not read", short(text))
}

func kinds() string {
	var all []string
	for _, k := range Kinds {
		all = append(all, string(k))
	}
	return strings.Join(all, ", ")
}

func syntax(err error) error {
	detail := err.Error()
	if e, ok := errors.AsType[*xml.SyntaxError](err); ok {
		if strings.HasPrefix(e.Msg, "invalid character entity") {
			return forbidden("an entity of its own")
		}
		return fault.Newf(CodeSyntax, "ask the bank for the file again", "line %d: %s", e.Line, short(e.Msg))
	}
	return fault.New(CodeSyntax, short(strings.TrimPrefix(detail, "xml: ")), "ask the bank for the file as XML in UTF-8")
}

func forbidden(what string) error {
	return fault.New(CodeForbidden, "the file holds "+what+", which no payment message needs", "do not open it elsewhere; ask the bank what it sent")
}

// short bounds how much of a file an error repeats, and shows nothing of it
// that a terminal would obey.
func short(s string) string {
	const most = 60
	var b strings.Builder
	n := 0
	for _, r := range s {
		if n++; n > most {
			return b.String() + "..."
		}
		if !unicode.IsPrint(r) {
			r = '?'
		}
		b.WriteRune(r)
	}
	return b.String()
}

// tidy takes spaces off both ends and makes every other kind of space a plain
// one: banks break long texts into lines.
func tidy(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		return r
	}, s))
}

// el makes an element of those children that are there; without any it is nil.
func el(name string, kids ...*node) *node {
	n := &node{name: name}
	for _, k := range kids {
		if k != nil {
			n.kids = append(n.kids, k)
		}
	}
	if len(n.kids) == 0 {
		return nil
	}
	return n
}

// leaf makes an element of a text; of an empty one it is nil.
func leaf(name, text string) *node {
	if text == "" {
		return nil
	}
	return &node{name: name, text: text}
}

// add puts children behind those that an element has.
func (n *node) add(kids ...*node) *node {
	for _, k := range kids {
		if k != nil {
			n.kids = append(n.kids, k)
		}
	}
	return n
}

// at gives the first element on a path, nil when there is none.
func (n *node) at(path ...string) *node {
	for _, name := range path {
		if n == nil {
			return nil
		}
		var next *node
		for _, k := range n.kids {
			if k.name == name {
				next = k
				break
			}
		}
		n = next
	}
	return n
}

// get gives the text of the first element on a path, empty when there is none.
func (n *node) get(path ...string) string {
	if n = n.at(path...); n == nil {
		return ""
	}
	return n.text
}

// all gives the children of a name.
func (n *node) all(name string) (found []*node) {
	if n == nil {
		return nil
	}
	for _, k := range n.kids {
		if k.name == name {
			found = append(found, k)
		}
	}
	return found
}

// write gives a file of a message.
func (n *node) write(kind Kind) []byte {
	var b bytes.Buffer
	b.WriteString(xml.Header)
	b.WriteString(`<Document xmlns="` + namespace + string(kind) + "\">\n")
	for _, k := range n.kids {
		k.indent(&b, 1)
	}
	b.WriteString("</Document>\n")
	return b.Bytes()
}

func (n *node) indent(b *bytes.Buffer, depth int) {
	b.WriteString(strings.Repeat("  ", depth) + "<" + n.name)
	if n.currency != "" {
		b.WriteString(` Ccy="` + n.currency + `"`) // three capitals: checked before
	}
	b.WriteByte('>')
	if len(n.kids) > 0 {
		b.WriteByte('\n')
		for _, k := range n.kids {
			k.indent(b, depth+1)
		}
		b.WriteString(strings.Repeat("  ", depth))
	} else {
		xml.EscapeText(b, []byte(n.text)) // a buffer takes everything
	}
	b.WriteString("</" + n.name + ">\n")
}
