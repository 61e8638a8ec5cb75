package output

import "bytes"

// path sets a file's path and what follows from it. A name is what follows the last backslash; its extension is looked for before
// the name of a stream.
func (e *ECS) path(value []byte) {
	e.set(filePath, value)
	i := bytes.LastIndexByte(value, '\\')
	if i < 0 {
		return
	}
	name := value[i+1:]
	e.set(fileName, name)
	e.set(fileDirectory, value[:i])
	if e.record.ID == 7 && e.source == ofSysmon {
		e.set(dllName, name)
	}
	name, _, _ = bytes.Cut(name, []byte{':'})
	if dot := bytes.LastIndexByte(name, '.'); dot >= 0 {
		e.set(fileExtension, name[dot+1:])
	}
}

// program sets an executable and its name; one without a directory, such as System, has none.
func (e *ECS) program(executable member, value []byte) {
	name := processName
	if executable == parentExecutable {
		name = parentName
	}
	e.set(executable, value)
	if i := bytes.LastIndexByte(value, '\\'); i >= 0 {
		e.set(name, value[i+1:])
	}
}

// line sets a command line and its arguments.
func (e *ECS) line(line member, value []byte) {
	args, count := processArgs, processArgsCount
	if line == parentCommandLine {
		args, count = parentArgs, parentArgsCount
	}
	e.set(line, value)
	from := len(e.scratch)
	list, n := appendArguments(e.scratch, value)
	e.scratch = list
	if n > 0 {
		e.set(args, list[from:])
		e.unsigned(count, uint64(n))
	}
}

// digests sets hashes, and says whether there was nothing else. One of only zeros says that the algorithm did not apply.
func (e *ECS) digests(value []byte) bool {
	owner := e.sysmon.event.hashes
	found := 0
	for i, digest, rest := nextHash(value); i >= 0; i, digest, rest = nextHash(rest) {
		found++
		if len(bytes.TrimLeft(digest, "0")) == 0 {
			continue
		}
		from := len(e.scratch)
		e.scratch = append(e.scratch, digest...)
		lower := e.scratch[from:]
		for i := range lower {
			lower[i] |= 0x20 // digits have the bit already
		}
		e.hashes.addNew(lower)
		if owner == 0 {
			continue
		}
		m := owner + member(i)
		if owner == processMD5 && i == imphash {
			m = processImphash
		}
		if e.is(m) {
			continue
		}
		e.set(m, lower)
		if e.record.ID == 7 {
			e.set(dllMD5+member(i), lower)
		}
	}
	return found == bytes.Count(value, []byte{','})+1
}

// finishSignature sets what is known about who signed a driver or a library.
func (e *ECS) finishSignature() {
	status, signed := e.get(fileStatus), e.sysmon.signed
	if string(status) == "Valid" {
		e.constant(fileValid, "true")
	}
	trusted := ""
	switch {
	case string(signed) == "true":
		trusted = "true"
	case signed != nil:
		trusted = "false"
	}
	e.constant(fileTrusted, trusted)
	if e.record.ID != 7 {
		return
	}
	e.set(dllPath, e.get(filePath))
	e.set(dllSubjectName, e.get(fileSubjectName))
	e.constant(dllTrusted, trusted)
	switch {
	case trusted == "true":
		e.constant(dllStatus, "trusted")
	case string(status) == "Unavailable":
		e.constant(dllStatus, "Unavailable")
	case bytes.HasPrefix(signed, []byte("failed:")):
		e.set(dllStatus, signed)
	}
}
