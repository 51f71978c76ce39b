package doozer

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"
)

// address returns the server's address from the environment variable name.
func address(t *testing.T, name string) string {
	t.Helper()
	addr := os.Getenv(name)
	if addr == "" {
		t.Fatalf("%s names no server: run `cargo test -p compat-tests --test foreign_clients`", name)
	}
	return addr
}

// dial connects and returns a folder that no other test uses.
func dial(t *testing.T) (*Conn, string) {
	t.Helper()
	c, err := Dial(address(t, "DOOZER_TEST_ADDR"))
	must(t, err)
	t.Cleanup(func() { c.Close() })
	return c, fmt.Sprintf("/go/%s.%d", t.Name(), time.Now().UnixNano())
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantError(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got %v, want %v", err, want)
	}
}

func set(t *testing.T, c *Conn, file string, rev int64, body string) int64 {
	t.Helper()
	rev, err := c.Set(file, rev, []byte(body))
	must(t, err)
	return rev
}

func revOf(t *testing.T, c *Conn) int64 {
	t.Helper()
	rev, err := c.Rev()
	must(t, err)
	return rev
}

func TestDialTimeout(t *testing.T) {
	c, err := DialTimeout(address(t, "DOOZER_TEST_ADDR"), 5*time.Second)
	must(t, err)
	defer c.Close()
	revOf(t, c)
}

func TestDialUri(t *testing.T) {
	addr := address(t, "DOOZER_TEST_ADDR")
	for _, uris := range [][2]string{
		{"doozer:?ca=" + addr, ""},
		{"doozer:?ca=127.0.0.1:1&ca=" + addr, ""},
		{"doozer:?cn=local", "doozer:?ca=" + addr},
	} {
		c, err := DialUri(uris[0], uris[1])
		must(t, err)
		revOf(t, c)
		c.Close()
	}
}

func TestDialUriWithASecret(t *testing.T) {
	addr := address(t, "DOOZER_TEST_SECRET_ADDR")
	c, err := DialUri("doozer:?ca="+addr+"&sk=w", "")
	must(t, err)
	defer c.Close()
	set(t, c, "/go-secret", Clobber, "v")
	_, err = DialUri("doozer:?ca="+addr+"&sk=wrong", "")
	wantError(t, err, ErrOther)
}

func TestAccess(t *testing.T) {
	c, err := Dial(address(t, "DOOZER_TEST_SECRET_ADDR"))
	must(t, err)
	defer c.Close()
	_, _, err = c.Get("/x", nil)
	wantError(t, err, ErrOther)
	if err.Error() != "other: permission denied" {
		t.Fatal(err)
	}
	must(t, c.Access("r"))
	_, _, err = c.Get("/x", nil)
	must(t, err)
	_, err = c.Set("/x", Clobber, nil)
	wantError(t, err, ErrOther)
	wantError(t, c.Access("wrong"), ErrOther)
	must(t, c.Access("w"))
	set(t, c, "/x", Clobber, "v")
}

func TestSetGetDel(t *testing.T) {
	c, dir := dial(t)
	first := set(t, c, dir+"/f", Missing, "one")
	second := set(t, c, dir+"/f", first, "two")
	if second <= first {
		t.Fatalf("%d after %d", second, first)
	}
	for _, want := range []struct {
		at   *int64
		body string
		rev  int64
	}{{nil, "two", second}, {&first, "one", first}} {
		body, rev, err := c.Get(dir+"/f", want.at)
		must(t, err)
		if string(body) != want.body || rev != want.rev {
			t.Fatalf("%q at %d, want %+v", body, rev, want)
		}
	}
	must(t, c.Del(dir+"/f", second))
	body, rev, err := c.Get(dir+"/f", nil)
	must(t, err)
	if len(body) != 0 || rev != Missing {
		t.Fatalf("%q at %d after a delete", body, rev)
	}
}

func TestLargeAndEmptyBodies(t *testing.T) {
	c, dir := dial(t)
	for _, size := range []int{0, 1, 3000, 1 << 20} {
		body := bytes.Repeat([]byte{0xfe}, size)
		set(t, c, dir+"/big", Clobber, string(body))
		got, _, err := c.Get(dir+"/big", nil)
		must(t, err)
		if !bytes.Equal(got, body) {
			t.Fatalf("%d bytes came back as %d", size, len(got))
		}
	}
}

func TestErrors(t *testing.T) {
	c, dir := dial(t)
	rev := set(t, c, dir+"/f", Missing, "v")
	_, err := c.Set(dir+"/f", rev-1, nil)
	wantError(t, err, ErrOldRev)
	wantError(t, c.Del(dir+"/f", 0), ErrOldRev)
	_, err = c.Set("/not_valid", Clobber, nil)
	wantError(t, err, ErrBadPath)
	_, err = c.Set(dir+"/f/below", Clobber, nil)
	wantError(t, err, ErrNotDir)
	_, err = c.Set(dir, Clobber, nil)
	wantError(t, err, ErrIsDir)
	_, _, err = c.Get(dir, nil)
	wantError(t, err, ErrIsDir)
	_, err = c.Getdir(dir+"/none", revOf(t, c), 0, -1)
	wantError(t, err, ErrNoEnt)
	_, err = c.Getdir(dir+"/f", revOf(t, c), 0, -1)
	wantError(t, err, ErrNotDir)
	_, err = c.Wait("/[", 1)
	wantError(t, err, ErrOther)
	_, err = c.call(newRequest(1000), nil)
	wantError(t, err, ErrUnknownVerb)
	_, err = c.call(newRequest(verbGet), nil)
	wantError(t, err, ErrMissingArg)
	_, err = c.call(newRequest(verbWalk).with("path", "/**").with("offset", int32(-1)), nil)
	wantError(t, err, ErrRange)
}

func TestStat(t *testing.T) {
	c, dir := dial(t)
	rev := set(t, c, dir+"/f", Missing, "12345")
	for path, want := range map[string]FileInfo{
		dir + "/f":    {Name: dir + "/f", Len: 5, Rev: rev, IsSet: true},
		dir:           {Name: dir, Len: 1, Rev: Dir, IsDir: true},
		dir + "/none": {Name: dir + "/none"},
	} {
		length, found, err := c.Stat(path, nil)
		must(t, err)
		info, err := c.Statinfo(revOf(t, c), path)
		must(t, err)
		if length != want.Len || found != want.Rev || info != want {
			t.Fatalf("%d %d %+v, want %+v", length, found, info, want)
		}
	}
}

func TestGetdir(t *testing.T) {
	c, dir := dial(t)
	for _, name := range []string{"b", "a/deep", "C"} {
		set(t, c, dir+"/"+name, Missing, name)
	}
	rev := revOf(t, c)
	for _, want := range []struct {
		off, lim int
		names    []string
	}{{0, -1, []string{"C", "a", "b"}}, {1, 1, []string{"a"}}, {3, -1, nil}, {0, 0, nil}} {
		names, err := c.Getdir(dir, rev, want.off, want.lim)
		must(t, err)
		if !slices.Equal(names, want.names) {
			t.Fatalf("%v, want %+v", names, want)
		}
	}
	infos, err := c.Getdirinfo(dir, rev, 0, -1)
	must(t, err)
	if len(infos) != 3 || !infos[1].IsDir || infos[1].Name != "a" || !infos[2].IsSet {
		t.Fatalf("%+v", infos)
	}
}

func TestWalk(t *testing.T) {
	c, dir := dial(t)
	for _, name := range []string{"x", "y/z", "y/w"} {
		set(t, c, dir+"/"+name, Missing, name)
	}
	want := []string{dir + "/x", dir + "/y/w", dir + "/y/z"}
	events, err := c.Walk(dir+"/**", nil, 0, -1)
	must(t, err)
	if !slices.Equal(paths(events), want) || string(events[1].Body) != "y/w" {
		t.Fatalf("%+v", events)
	}
	events, err = c.Walk(dir+"/**", nil, 1, 1)
	must(t, err)
	if !slices.Equal(paths(events), want[1:2]) {
		t.Fatalf("%+v", events)
	}
}

func paths(events []Event) []string {
	var paths []string
	for _, event := range events {
		if !event.IsSet() {
			panic(fmt.Sprintf("%+v", event))
		}
		paths = append(paths, event.Path)
	}
	return paths
}

func TestWalkByChannel(t *testing.T) {
	c, dir := dial(t)
	var want []string
	for number := range 40 {
		file := fmt.Sprintf("%s/%02d", dir, number)
		set(t, c, file, Missing, "v")
		want = append(want, file)
	}
	files, done := c.WalkChan(dir+"/*", revOf(t, c), 60)
	var events []Event
	for event := range files {
		events = append(events, event)
	}
	must(t, <-done)
	got := paths(events)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Fatalf("%v", got)
	}
}

func TestWait(t *testing.T) {
	c, dir := dial(t)
	from := revOf(t, c)
	set(t, c, dir+"/f", Missing, "v")
	must(t, c.Del(dir+"/f", Clobber))
	event, err := c.Wait(dir+"/*", from)
	must(t, err)
	if !event.IsSet() || event.IsDel() || event.Path != dir+"/f" || string(event.Body) != "v" {
		t.Fatalf("%+v", event)
	}
	event, err = c.Wait(dir+"/*", event.Rev+1)
	must(t, err)
	if !event.IsDel() || len(event.Body) != 0 {
		t.Fatalf("%+v", event)
	}
	must(t, c.Nop())
	event, err = c.Wait("/", event.Rev+1)
	must(t, err)
	if !event.IsNop() || event.Path != "/" {
		t.Fatalf("%+v", event)
	}
}

func TestWaitTimeout(t *testing.T) {
	c, dir := dial(t)
	_, err := c.WaitTimeout(dir+"/never", 1, 100*time.Millisecond)
	wantError(t, err, ErrWaitTimeout)
	from := revOf(t, c) + 1
	go c.Set(dir+"/soon", Missing, nil)
	event, err := c.WaitTimeout(dir+"/soon", from, 10*time.Second)
	must(t, err)
	if event.Path != dir+"/soon" {
		t.Fatalf("%+v", event)
	}
}

func TestTooLateIsToldApart(t *testing.T) {
	c, dir := dial(t)
	event, err := c.WaitTimeout(dir+"/none", 1, 50*time.Millisecond)
	if !errors.Is(err, ErrTooLate) && !errors.Is(err, ErrWaitTimeout) {
		t.Fatalf("%+v %v", event, err)
	}
}

func TestRevAndNop(t *testing.T) {
	c, _ := dial(t)
	before := revOf(t, c)
	must(t, c.Nop())
	if after := revOf(t, c); after <= before {
		t.Fatalf("%d after %d", after, before)
	}
}

func TestSelf(t *testing.T) {
	c, _ := dial(t)
	id, err := c.Self()
	must(t, err)
	addr, rev, err := c.Get("/ctl/node/"+string(id)+"/addr", nil)
	must(t, err)
	if len(id) != 16 || rev == Missing || string(addr) != address(t, "DOOZER_TEST_ADDR") {
		t.Fatalf("node %s at %s", id, addr)
	}
}

func TestManyGoroutinesShareAConnection(t *testing.T) {
	c, dir := dial(t)
	var group sync.WaitGroup
	for worker := range 50 {
		group.Add(1)
		go func() {
			defer group.Done()
			file := fmt.Sprintf("%s/%d", dir, worker)
			for number := range 10 {
				if _, err := c.Set(file, Clobber, fmt.Append(nil, number)); err != nil {
					t.Error(err)
				}
				if body, _, err := c.Get(file, nil); err != nil || string(body) != fmt.Sprint(number) {
					t.Errorf("%q %v", body, err)
				}
			}
		}()
	}
	group.Wait()
}

func TestACallOnALostConnectionFails(t *testing.T) {
	c, _ := dial(t)
	failed := make(chan error)
	go func() {
		_, err := c.Wait("/never", 1<<40)
		failed <- err
	}()
	time.Sleep(50 * time.Millisecond)
	c.Close()
	if err := <-failed; err == nil {
		t.Fatal("an answer without a connection")
	}
}
