package events

import "time"

// ParseTime reads the times that Windows writes: SystemTime (2026-03-04T05:06:07.089123400Z) and Sysmon's UtcTime (2026-03-04
// 05:06:07.089). The fraction may have any length; what is finer than a nanosecond is dropped. No zone means UTC. The year has
// four digits.
func ParseTime(text []byte) (t time.Time, ok bool) {
	const layout = "2006-01-02T15:04:05"
	if len(text) < len(layout) || text[4] != '-' || text[7] != '-' || text[10] != 'T' && text[10] != ' ' || text[13] != ':' || text[16] != ':' {
		return t, false
	}
	digits := true
	two := func(i int) int {
		a, b := text[i]-'0', text[i+1]-'0'
		digits = digits && a < 10 && b < 10
		return int(a)*10 + int(b)
	}
	year, month, day := two(0)*100+two(2), two(5), two(8)
	hour, minute, second := two(11), two(14), two(17)
	if !digits || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) || hour > 23 || minute > 59 || second > 60 {
		return t, false
	}
	rest := text[len(layout):]
	nanoseconds := 0
	if len(rest) > 0 && (rest[0] == '.' || rest[0] == ',') {
		n := 1
		for unit := 100_000_000; n < len(rest) && rest[n]-'0' < 10; n++ {
			nanoseconds += int(rest[n]-'0') * unit
			unit /= 10
		}
		if n == 1 {
			return t, false
		}
		rest = rest[n:]
	}
	offset, ok := zone(rest)
	if !ok {
		return t, false
	}
	seconds := int64(daysBefore(year, month)+day-1)*86400 + int64(hour*3600+minute*60+second) - offset
	return time.Unix(seconds, int64(nanoseconds)).UTC(), true
}

var monthDays = [...]int{0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365}

func leap(year int) bool { return year%4 == 0 && (year%100 != 0 || year%400 == 0) }

func daysIn(year, month int) int {
	if month == 2 && leap(year) {
		return 29
	}
	return monthDays[month] - monthDays[month-1]
}

// daysBefore counts from 1970 to the first of a month, in the Gregorian calendar at all times.
func daysBefore(year, month int) int {
	y := year + 399 // full years since the year -399, a start of the cycle of 400
	days := y*365 + y/4 - y/100 + y/400 + monthDays[month-1]
	if month > 2 && leap(year) {
		days++
	}
	return days - daysFromCycle
}

// daysFromCycle is what daysBefore counts from there to 1970.
const daysFromCycle = 2369*365 + 2369/4 - 2369/100 + 2369/400

// zone reads nothing, Z or ±hh:mm, in seconds.
func zone(text []byte) (offset int64, ok bool) {
	if len(text) == 0 || len(text) == 1 && text[0]|0x20 == 'z' {
		return 0, true
	}
	if len(text) != 6 || text[0] != '+' && text[0] != '-' || text[3] != ':' {
		return 0, false
	}
	for _, i := range []int{1, 2, 4, 5} {
		if text[i]-'0' > 9 {
			return 0, false
		}
	}
	offset = int64(text[1]-'0')*36000 + int64(text[2]-'0')*3600 + int64(text[4]-'0')*600 + int64(text[5]-'0')*60
	if text[0] == '-' {
		offset = -offset
	}
	return offset, true
}
