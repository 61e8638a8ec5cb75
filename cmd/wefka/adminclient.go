package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"
)

// adminClient asks a running server: over its Unix socket, where it may also change things, or over HTTP.
type adminClient struct {
	where string // as an operator would name it
	base  string // of URLs
	http  *http.Client
	err   error // why there is nobody to ask
}

const (
	adminTimeout = 60 * time.Second // a reload reads every file
	adminAnswer  = 256 << 20        // bytes; 100,000 hosts are some tens of MiB
)

// admin is the server that --admin names, else that of the configuration: its socket, or its address when it has no socket.
func (p *program) admin() *adminClient {
	where := p.adminAddress
	if where == "" {
		where = defaults().Admin.Socket
		if config, err := p.loadConfig(); err == nil {
			where = config.Admin.reachedAt()
		} else if !errors.Is(err, os.ErrNotExist) {
			return &adminClient{err: err}
		}
	}
	a := &adminClient{where: where, base: strings.TrimSuffix(where, "/"), http: &http.Client{Timeout: adminTimeout}}
	switch {
	case where == "":
		a.err = errors.New("the configuration has neither admin.socket nor admin.address; name the server with --admin")
	case strings.HasPrefix(where, "http://"), strings.HasPrefix(where, "https://"):
	default:
		a.base = "http://admin"
		a.http.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", where)
		}}
	}
	return a
}

// reachedAt is where a server with this configuration answers.
func (c *AdminConfig) reachedAt() string {
	switch {
	case c.Socket != "" || c.Address == "":
		return c.Socket
	case c.WebConfig != "":
		return "https://" + c.Address
	}
	return "http://" + c.Address
}

// get decodes the JSON answer to a GET of path into into.
func (a *adminClient) get(ctx context.Context, path string, into any) error {
	return a.do(ctx, http.MethodGet, path, nil, into)
}

// do sends body as JSON, nil for none, and decodes the answer into into, nil for none. An answer that is no success becomes an error
// with the server's own words.
func (a *adminClient) do(ctx context.Context, method, path string, body, into any) error {
	if a.err != nil {
		return a.err
	}
	var content io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return err
		}
		content = bytes.NewReader(data)
	}
	r, err := http.NewRequestWithContext(ctx, method, a.base+path, content)
	if err != nil {
		return fmt.Errorf("--admin %s: %w", a.where, err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	answer, err := a.http.Do(r)
	if err != nil {
		return a.unreached(err)
	}
	defer answer.Body.Close()
	limited := io.LimitReader(answer.Body, adminAnswer)
	if answer.StatusCode/100 != 2 {
		return a.refused(answer.StatusCode, limited)
	}
	if into == nil || answer.StatusCode == http.StatusNoContent {
		return nil
	}
	if err := json.NewDecoder(limited).Decode(into); err != nil {
		return fmt.Errorf("answer of %s: %w; is that the admin address of a wefka?", a.where, err)
	}
	return nil
}

// unreached says what to do when nothing answers.
func (a *adminClient) unreached(err error) error {
	var at *url.Error
	if errors.As(err, &at) {
		err = at.Err
	}
	switch {
	case errors.Is(err, os.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("no server answers at %s: %w; is wefka serve running? Name another with --admin SOCKET|URL", a.where, err)
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("%s: %w; run as root or as the user that wefka serve runs as", a.where, err)
	}
	return fmt.Errorf("ask %s: %w", a.where, err)
}

func (a *adminClient) refused(status int, body io.Reader) error {
	var said struct {
		Error string `json:"error"`
	}
	if json.NewDecoder(body).Decode(&said) != nil || said.Error == "" {
		said.Error = "HTTP " + http.StatusText(status)
	}
	if status == http.StatusUnauthorized {
		said.Error += "; write name and password into the URL: --admin https://NAME:PASSWORD@HOST:PORT"
	}
	return fmt.Errorf("%s: %s", a.where, said.Error)
}
