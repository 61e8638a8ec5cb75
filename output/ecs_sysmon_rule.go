package output

// rule sets a RuleName and the ATT&CK techniques that it names, each once and no more than maxTechniques.
func (e *ECS) rule(value []byte) {
	e.set(ruleName, value)
	for n, i := 0, 0; n < maxTechniques; {
		from, to, ok := nextTechnique(value, i)
		if !ok {
			break
		}
		i = to
		const technique = len("T1059")
		before := len(e.techniques) + len(e.subtechniques)
		e.techniques.addNew(value[from : from+technique])
		if to > from+technique {
			e.subtechniques.addNew(value[from:to])
		}
		if len(e.techniques)+len(e.subtechniques) > before {
			n++
		}
	}
	if len(e.techniques) == 0 {
		return
	}
	e.constant(threatFramework, "MITRE ATT&CK")
	e.set(threatTechnique, e.techniques.value())
	e.set(threatSubtechnique, e.subtechniques.value())
}
