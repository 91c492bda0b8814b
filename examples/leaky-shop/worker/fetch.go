package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

const maxImage = 10 << 20

var client = &http.Client{
	Timeout: 20 * time.Second,
	Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
	},
}

func fetchImage(ctx context.Context, job *Job) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, job.Target, nil)
	if err != nil {
		return err
	}
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("status %s", answer.Status)
	}
	data, err := io.ReadAll(io.LimitReader(answer.Body, maxImage))
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join("images", fmt.Sprintf("%d.png", job.ID)), data, 0o644)
}
