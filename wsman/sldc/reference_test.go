package sldc_test

import (
	"encoding/binary"
	"errors"
)

var (
	errRefCorrupt  = errors.New("reference: corrupt")
	errRefTooLarge = errors.New("reference: too large")
)

// reference decodes one bit at a time through a real ring, as ECMA-321 tells it: the truth that Append is compared with.
func reference(in []byte, limit int) ([]byte, error) {
	r := refDecoder{in: in, limit: limit}
	if err := r.run(); err != nil {
		return nil, err
	}
	if left := len(in)*8 - r.pos; left >= 32 {
		if binary.LittleEndian.Uint32(in[len(in)-4:]) != uint32(len(r.out)) {
			return nil, errRefCorrupt
		}
	}
	return r.out, nil
}

type refDecoder struct {
	in    []byte
	pos   int // in bits
	limit int
	hist  [1024]byte
	w     int
	out   []byte
}

func (r *refDecoder) run() error {
	scheme := 0
	for {
		if ones, err := r.peek(9); err == nil && ones == 0x1FF {
			code, err := r.read(13)
			if err != nil {
				return err
			}
			switch code & 0xF {
			case 0:
				for r.pos%32 != 0 {
					if _, err := r.read(1); err != nil {
						return err
					}
				}
			case 1, 2:
				scheme = code & 0xF
			case 3:
			case 4, 15:
				return nil
			case 5, 6:
				r.hist, r.w = [1024]byte{}, 0
				scheme = code&0xF - 4
			default:
				return errRefCorrupt
			}
			continue
		}
		var err error
		switch scheme {
		case 1:
			err = r.scheme1()
		case 2:
			err = r.scheme2()
		default:
			err = errRefCorrupt
		}
		if err != nil {
			return err
		}
		if len(r.out) > r.limit {
			return errRefTooLarge
		}
	}
}

func (r *refDecoder) scheme1() error {
	first, err := r.read(1)
	if err != nil {
		return err
	}
	if first == 0 {
		c, err := r.read(8)
		r.emit(c, err)
		return err
	}
	k := 0
	for k < 4 {
		one, err := r.read(1)
		if err != nil {
			return err
		}
		if one == 0 {
			break
		}
		k++
	}
	n, err := r.read([]int{1, 2, 3, 4, 8}[k])
	if err != nil {
		return err
	}
	n += []int{2, 4, 8, 16, 32}[k]
	if n > 271 {
		return errRefCorrupt
	}
	d, err := r.read(10)
	if err != nil {
		return err
	}
	for i := range n {
		r.emit(int(r.hist[(d+i)&1023]), nil)
	}
	return nil
}

func (r *refDecoder) scheme2() error {
	c, err := r.read(8)
	if err == nil && c == 0xFF {
		_, err = r.read(1)
	}
	r.emit(c, err)
	return err
}

func (r *refDecoder) emit(c int, err error) {
	if err != nil {
		return
	}
	r.out = append(r.out, byte(c))
	r.hist[r.w] = byte(c)
	r.w = (r.w + 1) & 1023
}

func (r *refDecoder) peek(n int) (v int, err error) {
	if r.pos+n > len(r.in)*8 {
		return 0, errRefCorrupt
	}
	for i := r.pos; i < r.pos+n; i++ {
		v = v<<1 | int(r.in[i/8]>>(7-i%8)&1)
	}
	return v, nil
}

func (r *refDecoder) read(n int) (int, error) {
	v, err := r.peek(n)
	if err == nil {
		r.pos += n
	}
	return v, err
}
