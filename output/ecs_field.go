package output

// dataField says what becomes of one name of EventData.
type dataField struct {
	name string
	how  action
	to   member
}

// action is a way to map a value.
type action uint8

// Actions that need no more than the value and the member. What does not fit stays in event_data.
const (
	moved       action = iota // text
	copied                    // text that stays in event_data as well
	copiedTime                // the same for a time
	moveInt                   // number of 32 bits
	movePort                  // number of 16 bits
	moveHex                   // the same as 0x…, or decimal
	moveTruth                 // true or false
	moveAddress               // IP address
	movePath                  // file.path and its parts
	moveLine                  // command line and its arguments
	moveProgram               // executable and its name
	drop                      // needed nowhere
	ownAction                 // the first one of a provider
)

// fieldTable finds the fields of a provider by name.
type fieldTable struct {
	fields []dataField
	slots  [512]uint8 // 1 + index into fields, 0 is free
}

func tableOf(list ...dataField) *fieldTable {
	t := &fieldTable{fields: list}
	for i, f := range list {
		at := slotOf([]byte(f.name))
		for t.slots[at] != 0 {
			at = (at + 1) % len(t.slots)
		}
		t.slots[at] = uint8(i + 1)
	}
	return t
}

// slotOf is a hash that keeps apart names which share a start or an end.
func slotOf(name []byte) int {
	n := len(name)
	if n == 0 {
		return 0
	}
	return (n*37 + int(name[0])*3 + int(name[n/2])*11 + int(name[n-1])*59 + int(name[n/4])*101) % 512
}

// find is the index of a name in fields, -1 for none. A nil table has none.
func (t *fieldTable) find(name []byte) int {
	if t == nil {
		return -1
	}
	for at := slotOf(name); ; at = (at + 1) % len(t.slots) {
		switch i := int(t.slots[at]) - 1; {
		case i < 0:
			return -1
		case t.fields[i].name == string(name):
			return i
		}
	}
}
