package fetch

// Batches is for the tests, which stand outside.
func Batches(data []byte, offset int64, each func(*Record) error) (int64, error) {
	return (&inflater{}).batches(data, offset, each)
}
