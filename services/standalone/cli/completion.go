package cli

import (
	"fmt"
	"strings"

	"github.com/alecthomas/kong"
)

// completion is a script that completes commands and flags in a shell.
func completion(shell string, app *kong.Application) string {
	var cases strings.Builder
	words(app.Node, "", &cases, shell)
	switch shell {
	case "fish":
		return cases.String()
	case "zsh":
		return "#compdef errand\nautoload -U bashcompinit && bashcompinit\n" + bash(cases.String())
	}
	return bash(cases.String())
}

func bash(cases string) string {
	return `_errand() {
  local path="" word i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="${COMP_WORDS[i]}"
    [[ "$word" == -* ]] || path="${path:+$path }$word"
  done
  local choices=""
  case "$path" in
` + cases + `  esac
  if [[ -z "$choices" ]]; then
    COMPREPLY=($(compgen -f -- "${COMP_WORDS[COMP_CWORD]}"))
  else
    COMPREPLY=($(compgen -W "$choices" -- "${COMP_WORDS[COMP_CWORD]}"))
  fi
}
complete -o default -F _errand errand
`
}

// words writes what may follow the command at path, and does so for the commands below it.
func words(n *kong.Node, path string, out *strings.Builder, shell string) {
	var choices []string
	for _, child := range n.Children {
		choices = append(choices, child.Name)
		if shell == "fish" {
			fmt.Fprintf(out, "complete -c errand -f -n '%s' -a %s -d '%s'\n", fishCondition(path), child.Name, strings.ReplaceAll(child.Help, "'", ""))
		}
	}
	for _, flag := range n.Flags {
		choices = append(choices, "--"+flag.Name)
		if shell == "fish" && path != "" {
			fmt.Fprintf(out, "complete -c errand -n '%s' -l %s -d '%s'\n", fishCondition(path), flag.Name, strings.ReplaceAll(flag.Help, "'", ""))
		}
	}
	if shell != "fish" {
		fmt.Fprintf(out, "    %q) choices=%q ;;\n", path, strings.Join(choices, " "))
	}
	for _, child := range n.Children {
		words(child, strings.TrimSpace(path+" "+child.Name), out, shell)
	}
}

func fishCondition(path string) string {
	if path == "" {
		return "__fish_use_subcommand"
	}
	last := path[strings.LastIndex(path, " ")+1:]
	return "__fish_seen_subcommand_from " + last
}
