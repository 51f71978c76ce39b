package doozer

import (
	"errors"
	"time"
)

// Revisions with a meaning.
const (
	Missing = int64(0)
	Clobber = int64(-1)
	Dir     = int64(-2)
)

const (
	flagSet = 4
	flagDel = 8
)

// Event is a file as it was found, or what happened to it.
type Event struct {
	Rev  int64
	Path string
	Body []byte
	Flag int64
}

// IsSet tells whether a file was written.
func (e Event) IsSet() bool { return e.Flag&flagSet != 0 }

// IsDel tells whether a file was deleted.
func (e Event) IsDel() bool { return e.Flag&flagDel != 0 }

// IsNop tells whether nothing happened.
func (e Event) IsNop() bool { return e.Flag&(flagSet|flagDel) == 0 }

// FileInfo is what Statinfo and Getdirinfo tell of a file or a directory.
type FileInfo struct {
	Name  string
	Len   int
	Rev   int64
	IsSet bool
	IsDir bool
}

// Access shows a secret.
func (c *Conn) Access(secret string) error {
	_, err := c.call(newRequest(verbAccess).with("value", []byte(secret)), nil)
	return err
}

// Set writes a file whose revision is at most oldRev, and returns its new one.
func (c *Conn) Set(file string, oldRev int64, body []byte) (int64, error) {
	request := newRequest(verbSet).with("path", file).with("rev", oldRev).with("value", body)
	response, err := c.call(request, nil)
	if err != nil {
		return 0, err
	}
	return response.int("rev"), nil
}

// Del deletes a file whose revision is at most rev.
func (c *Conn) Del(file string, rev int64) error {
	_, err := c.call(newRequest(verbDel).with("path", file).with("rev", rev), nil)
	return err
}

// Get returns the body and the revision of a file, now or at rev.
func (c *Conn) Get(file string, rev *int64) ([]byte, int64, error) {
	response, err := c.call(newRequest(verbGet).with("path", file).atRev(rev), nil)
	if err != nil {
		return nil, 0, err
	}
	return response.bytes("value"), response.int("rev"), nil
}

// Stat returns the length (or number of entries) and the revision of a file or directory.
func (c *Conn) Stat(path string, rev *int64) (int, int64, error) {
	response, err := c.call(newRequest(verbStat).with("path", path).atRev(rev), nil)
	if err != nil {
		return 0, 0, err
	}
	return int(response.int("len")), response.int("rev"), nil
}

// Statinfo is Stat at rev, in words.
func (c *Conn) Statinfo(rev int64, path string) (FileInfo, error) {
	length, found, err := c.Stat(path, &rev)
	info := FileInfo{Name: path, Len: length, Rev: found, IsSet: found > 0, IsDir: found == Dir}
	return info, err
}

// Getdir returns up to lim names (all if it is negative) of a directory from the off-th on.
func (c *Conn) Getdir(dir string, rev int64, off, lim int) ([]string, error) {
	var names []string
	for ; lim != 0; lim-- {
		request := newRequest(verbGetdir).with("path", dir).with("rev", rev)
		response, err := c.call(request.with("offset", int32(off)), nil)
		if errors.Is(err, ErrRange) {
			break
		} else if err != nil {
			return nil, err
		}
		names = append(names, response.string("path"))
		off++
	}
	return names, nil
}

// Getdirinfo is Getdir with a FileInfo of each entry.
func (c *Conn) Getdirinfo(dir string, rev int64, off, lim int) ([]FileInfo, error) {
	names, err := c.Getdir(dir, rev, off, lim)
	var infos []FileInfo
	for _, name := range names {
		info, err := c.Statinfo(rev, dir+"/"+name)
		if err != nil {
			return nil, err
		}
		info.Name = name
		infos = append(infos, info)
	}
	return infos, err
}

// Walk returns up to lim files (all if it is negative) that match glob, from the off-th on.
func (c *Conn) Walk(glob string, rev *int64, off, lim int) ([]Event, error) {
	var events []Event
	for ; lim != 0; lim-- {
		request := newRequest(verbWalk).with("path", glob).atRev(rev)
		response, err := c.call(request.with("offset", int32(off)), nil)
		if errors.Is(err, ErrRange) {
			break
		} else if err != nil {
			return nil, err
		}
		events = append(events, eventOf(response))
		off++
	}
	return events, nil
}

// WalkChan sends the files that match glob at rev, with the requests for all of them under way
// at once; files come in any order. The last value of the second channel is the error, or nil.
func (c *Conn) WalkChan(glob string, rev int64, count int) (<-chan Event, <-chan error) {
	events, ends := make(chan Event), make(chan error, count)
	done := make(chan error, 1)
	for off := range count {
		go func() {
			found, err := c.Walk(glob, &rev, off, 1)
			for _, event := range found {
				events <- event
			}
			ends <- err
		}()
	}
	go func() {
		var failed error
		for range count {
			failed = errors.Join(failed, <-ends)
		}
		close(events)
		done <- failed
	}()
	return events, done
}

// Wait returns the first event at or after rev whose path matches glob.
func (c *Conn) Wait(glob string, rev int64) (Event, error) { return c.wait(glob, rev, nil) }

// WaitTimeout is Wait that ends with ErrWaitTimeout when nothing comes in time.
func (c *Conn) WaitTimeout(glob string, rev int64, timeout time.Duration) (Event, error) {
	return c.wait(glob, rev, time.After(timeout))
}

func (c *Conn) wait(glob string, rev int64, deadline <-chan time.Time) (Event, error) {
	response, err := c.call(newRequest(verbWait).with("path", glob).with("rev", rev), deadline)
	if err != nil {
		return Event{}, err
	}
	return eventOf(response), nil
}

func eventOf(response message) Event {
	return Event{
		Rev:  response.int("rev"),
		Path: response.string("path"),
		Body: response.bytes("value"),
		Flag: response.int("flags"),
	}
}

// Rev returns the newest revision.
func (c *Conn) Rev() (int64, error) {
	response, err := c.call(newRequest(verbRev), nil)
	if err != nil {
		return 0, err
	}
	return response.int("rev"), nil
}

// Nop takes a revision and does nothing.
func (c *Conn) Nop() error {
	_, err := c.call(newRequest(verbNop), nil)
	return err
}

// Self returns the id of the node that this connection leads to.
func (c *Conn) Self() ([]byte, error) {
	response, err := c.call(newRequest(verbSelf), nil)
	if err != nil {
		return nil, err
	}
	return response.bytes("value"), nil
}
