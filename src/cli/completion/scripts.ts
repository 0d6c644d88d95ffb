/** What shells load. All of them ask `slipway __complete WORDS...`, which answers in cobra's protocol. */
export const COMPLETION_SCRIPTS: Readonly<Record<string, string>> = {
  bash: `# bash completion of slipway: source <(slipway completion bash)
_slipway() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" line out directive
  local -a words=("\${COMP_WORDS[@]:1:COMP_CWORD}")
  out=$(slipway __complete "\${words[@]}" 2>/dev/null) || return
  directive=\${out##*:}
  out=\${out%:*}
  COMPREPLY=()
  while IFS= read -r line; do
    line=\${line%%$'\\t'*}
    [[ -n $line && $line == "$cur"* ]] && COMPREPLY+=("$line")
  done <<< "$out"
  if (( (directive & 2) != 0 )); then compopt -o nospace; fi
  if (( (directive & 4) == 0 )) && [[ \${#COMPREPLY[@]} -eq 0 ]]; then compopt -o default; fi
}
complete -F _slipway slipway
`,
  zsh: `#compdef slipway
# zsh completion of slipway: source <(slipway completion zsh)
_slipway() {
  local line out directive
  local -a found
  out=$(slipway __complete "\${(@)words[2,CURRENT]}" 2>/dev/null) || return
  directive=\${out##*:}
  for line in \${(f)\${out%:*}}; do
    [[ -n $line ]] && found+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
  done
  if (( \${#found} )); then _describe slipway found
  elif (( (directive & 4) == 0 )); then _files
  fi
}
compdef _slipway slipway
`,
  fish: `# fish completion of slipway: slipway completion fish > ~/.config/fish/completions/slipway.fish
function __slipway_complete
  set -l words (commandline -opc) (commandline -ct)
  slipway __complete $words[2..-1] 2>/dev/null | string match -rv '^:[0-9]+$'
end
complete -c slipway -f -a '(__slipway_complete)'
`,
};
