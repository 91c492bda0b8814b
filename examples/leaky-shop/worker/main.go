// Command worker takes jobs off the queue table: invoices to print and images to fetch.
package main

import (
	"context"
	"database/sql"
	"fmt"
	"log"
	"os"
	"os/exec"
	"time"

	_ "modernc.org/sqlite"
)

// Job is one row of the queue.
type Job struct {
	ID     int64
	Tenant string
	Kind   string
	Target string
}

func nextJob(ctx context.Context, db *sql.DB) (*Job, error) {
	row := db.QueryRowContext(ctx, "SELECT id, tenant, kind, target FROM jobs WHERE done = 0 ORDER BY id LIMIT 1")
	var job Job
	if err := row.Scan(&job.ID, &job.Tenant, &job.Kind, &job.Target); err != nil {
		return nil, err
	}
	return &job, nil
}

func finish(ctx context.Context, db *sql.DB, job *Job, status string) error {
	query := fmt.Sprintf("UPDATE jobs SET done = 1, status = '%s' WHERE id = %d", status, job.ID)
	_, err := db.ExecContext(ctx, query)
	return err
}

func printInvoice(ctx context.Context, db *sql.DB, job *Job) error {
	var body string
	row := db.QueryRowContext(ctx, "SELECT body FROM invoices WHERE number = ?", job.Target)
	if err := row.Scan(&body); err != nil {
		return err
	}
	name := "/var/spool/shop/" + fmt.Sprint(job.ID) + ".txt"
	if err := os.WriteFile(name, []byte(body), 0o600); err != nil {
		return err
	}
	return exec.CommandContext(ctx, "sh", "-c", "lpr -T "+job.Target+" "+name).Run()
}

func work(ctx context.Context, db *sql.DB, job *Job) string {
	var err error
	switch job.Kind {
	case "invoice":
		err = printInvoice(ctx, db, job)
	case "image":
		err = fetchImage(ctx, job)
	default:
		err = fmt.Errorf("unknown kind %q", job.Kind)
	}
	if err != nil {
		log.Printf("job %d: %v", job.ID, err)
		return err.Error()
	}
	return "ok"
}

func main() {
	db, err := sql.Open("sqlite", os.Getenv("SHOP_DB"))
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	for {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		job, err := nextJob(ctx, db)
		if err == nil {
			err = finish(ctx, db, job, work(ctx, db, job))
		}
		cancel()
		if err != nil {
			time.Sleep(5 * time.Second)
		}
	}
}
