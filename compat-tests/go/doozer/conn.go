package doozer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"
)

// Conn is a connection that many goroutines may use at once.
type Conn struct {
	socket  net.Conn
	mu      sync.Mutex
	nextTag int32
	waiting map[int32]chan message
	err     error
}

// Dial connects to HOST:PORT.
func Dial(addr string) (*Conn, error) { return DialTimeout(addr, 0) }

// DialTimeout connects to HOST:PORT, or fails after timeout (0: never).
func DialTimeout(addr string, timeout time.Duration) (*Conn, error) {
	socket, err := net.DialTimeout("tcp", addr, timeout)
	if err != nil {
		return nil, err
	}
	c := &Conn{socket: socket, waiting: make(map[int32]chan message)}
	go c.receive()
	return c, nil
}

// DialUri connects to one of the addresses of a doozer: URI; where it names a cluster (cn) and
// buri is not empty, to one that the cluster at buri knows it by. A secret (sk) is sent.
func DialUri(uri, buri string) (*Conn, error) {
	query, err := parse(uri)
	if err != nil {
		return nil, err
	}
	addrs := query["ca"]
	if name := query.Get("cn"); name != "" && buri != "" {
		if addrs, err = lookup(buri, name); err != nil {
			return nil, err
		}
	}
	err = fmt.Errorf("no address in %q", uri)
	for _, addr := range addrs {
		var c *Conn
		if c, err = Dial(addr); err != nil {
			continue
		}
		if secret := query.Get("sk"); secret != "" {
			err = c.Access(secret)
		}
		return c, err
	}
	return nil, err
}

func parse(uri string) (url.Values, error) {
	u, err := url.Parse(uri)
	if err != nil {
		return nil, err
	}
	if u.Scheme != "doozer" {
		return nil, fmt.Errorf("%q is no doozer: URI", uri)
	}
	return url.ParseQuery(u.RawQuery)
}

func lookup(buri, name string) ([]string, error) {
	c, err := DialUri(buri, "")
	if err != nil {
		return nil, err
	}
	defer c.Close()
	events, err := c.Walk("/ctl/ns/"+name+"/*", nil, 0, -1)
	var addrs []string
	for _, event := range events {
		addrs = append(addrs, string(event.Body))
	}
	return addrs, err
}

// Close ends the connection; calls under way fail.
func (c *Conn) Close() error { return c.socket.Close() }

// call sends a request and waits for its answer; with a deadline, until then.
func (c *Conn) call(request message, deadline <-chan time.Time) (message, error) {
	answer := make(chan message, 1)
	tag, err := c.register(answer)
	if err != nil {
		return message{}, err
	}
	body, err := proto.Marshal(request.with("tag", tag))
	if err != nil {
		return message{}, err
	}
	frame := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	if _, err := c.socket.Write(append(frame, body...)); err != nil {
		return message{}, err
	}
	select {
	case response, ok := <-answer:
		if !ok {
			return message{}, c.err
		}
		return response, errorOf(response)
	case <-deadline:
		return message{}, ErrWaitTimeout
	}
}

func (c *Conn) register(answer chan message) (int32, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nextTag++
	c.waiting[c.nextTag] = answer
	return c.nextTag, c.err
}

func (c *Conn) receive() {
	err := c.dispatch()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = fmt.Errorf("connection lost: %w", err)
	for _, answer := range c.waiting {
		close(answer)
	}
	clear(c.waiting)
}

func (c *Conn) dispatch() error {
	for {
		var header [4]byte
		if _, err := io.ReadFull(c.socket, header[:]); err != nil {
			return err
		}
		body := make([]byte, binary.BigEndian.Uint32(header[:]))
		if _, err := io.ReadFull(c.socket, body); err != nil {
			return err
		}
		response := newResponse()
		if err := proto.Unmarshal(body, response); err != nil {
			return err
		}
		if len(response.GetUnknown()) > 0 {
			return errors.New("a field that no client knows")
		}
		c.deliver(response)
	}
}

func (c *Conn) deliver(response message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	tag := int32(response.int("tag"))
	if answer, ok := c.waiting[tag]; ok {
		delete(c.waiting, tag)
		answer <- response
	}
}
