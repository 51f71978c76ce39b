package doozer

import "errors"

// What a server can answer instead of a result.
var (
	ErrTagInUse    = errors.New("tag in use")
	ErrUnknownVerb = errors.New("unknown verb")
	ErrReadonly    = errors.New("read only")
	ErrTooLate     = errors.New("too late")
	ErrOldRev      = errors.New("rev mismatch")
	ErrBadPath     = errors.New("bad path")
	ErrMissingArg  = errors.New("missing arg")
	ErrRange       = errors.New("range")
	ErrNotDir      = errors.New("not a directory")
	ErrIsDir       = errors.New("is a directory")
	ErrNoEnt       = errors.New("no such file or directory")
	ErrOther       = errors.New("other")
	// ErrWaitTimeout is this client's own: no event came in time.
	ErrWaitTimeout = errors.New("wait timed out")
)

var errorsByCode = map[int64]error{
	1: ErrTagInUse, 2: ErrUnknownVerb, 3: ErrReadonly, 4: ErrTooLate, 5: ErrOldRev, 6: ErrBadPath,
	7: ErrMissingArg, 8: ErrRange, 20: ErrNotDir, 21: ErrIsDir, 22: ErrNoEnt, 127: ErrOther,
}

// Error is an error with the server's own words.
type Error struct {
	Err    error
	Detail string
}

func (e *Error) Error() string {
	if e.Detail == "" {
		return e.Err.Error()
	}
	return e.Err.Error() + ": " + e.Detail
}

// Unwrap returns one of the values above.
func (e *Error) Unwrap() error { return e.Err }

// errorOf returns the error in a response, nil for none.
func errorOf(response message) error {
	if !response.has("err_code") {
		return nil
	}
	known, ok := errorsByCode[response.int("err_code")]
	if !ok {
		known = ErrOther
	}
	return &Error{known, response.string("err_detail")}
}
