package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// completionCommand prints a script that completes commands and flags. The
// script is made from the same structs as the parser, so it cannot be stale.
type completionCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Help shows how to install each.
func (completionCommand) Help() string {
	return `Examples:
  lateral completion bash > /etc/bash_completion.d/lateral
  lateral completion zsh > "${fpath[1]}/_lateral"
  lateral completion fish > ~/.config/fish/completions/lateral.fish`
}

func (c completionCommand) Run(t terminal, app *kong.Application) error {
	words := map[string][]string{} // "sandbox voice" → what may follow
	var walk func(path string, n *kong.Node)
	walk = func(path string, n *kong.Node) {
		var next []string
		for _, child := range n.Children {
			if child.Type == kong.CommandNode && !child.Hidden {
				next = append(next, child.Name)
				walk(strings.TrimSpace(path+" "+child.Name), child)
			}
		}
		for _, group := range n.AllFlags(true) {
			for _, f := range group {
				next = append(next, "--"+f.Name)
			}
		}
		slices.Sort(next)
		words[path] = slices.Compact(next)
	}
	walk("", app.Node)
	paths := make([]string, 0, len(words))
	for p := range words {
		paths = append(paths, p)
	}
	slices.Sort(paths)
	switch c.Shell {
	case "fish":
		fmt.Fprintln(t.out, "complete -c lateral -f")
		for _, p := range paths {
			// A verb is under many nouns: all words of the path must be there, and
			// none of those that lead further.
			condition := "__fish_use_subcommand"
			if p != "" {
				condition = "__fish_seen_subcommand_from " + strings.ReplaceAll(p, " ", "; and __fish_seen_subcommand_from ")
			}
			if below := commandsIn(words[p]); p != "" && len(below) > 0 {
				condition += "; and not __fish_seen_subcommand_from " + strings.Join(below, " ")
			}
			for _, w := range words[p] {
				if flag, ok := strings.CutPrefix(w, "--"); ok {
					fmt.Fprintf(t.out, "complete -c lateral -n '%s' -l %s -r -F\n", condition, flag)
				} else {
					fmt.Fprintf(t.out, "complete -c lateral -n '%s' -a %s\n", condition, w)
				}
			}
		}
	default:
		if c.Shell == "zsh" {
			fmt.Fprint(t.out, "#compdef lateral\nautoload -U +X bashcompinit && bashcompinit\n")
		}
		fmt.Fprint(t.out, "_lateral() {\n  local path= word i\n  for ((i = 1; i < COMP_CWORD; i++)); do\n    word=${COMP_WORDS[i]}\n    case $word in -*) ;; *) case \"$path $word\" in\n")
		for _, p := range paths {
			if p != "" {
				fmt.Fprintf(t.out, "      '%s'|' %s') path='%s' ;;\n", p, p, p)
			}
		}
		fmt.Fprint(t.out, "    esac ;; esac\n  done\n  local next=\n  case $path in\n")
		for _, p := range paths {
			fmt.Fprintf(t.out, "    '%s') next='%s' ;;\n", p, strings.Join(words[p], " "))
		}
		fmt.Fprint(t.out, "  esac\n  COMPREPLY=($(compgen -W \"$next\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n  [ ${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- \"${COMP_WORDS[COMP_CWORD]}\"))\n}\ncomplete -F _lateral lateral\n")
	}
	return nil
}

// commandsIn gives the words that are no flags.
func commandsIn(words []string) (all []string) {
	for _, w := range words {
		if !strings.HasPrefix(w, "--") {
			all = append(all, w)
		}
	}
	return all
}
