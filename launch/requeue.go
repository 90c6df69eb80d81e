package launch

import (
	"context"
	"os"
)

// Requeue asks Slurm to put the task that this process is back into the queue,
// for when its time is nearly over. It reports whether Slurm will: the process,
// which should have saved its work before, is then ended by Slurm if it does not
// end by itself. In a process that is not a task of an array it does nothing.
func Requeue(ctx context.Context) (bool, error) {
	// SLURM_JOB_ID would be wrong: one task of an array has the array's own number,
	// and all tasks of the array would be stopped and put back.
	job, task := os.Getenv("SLURM_ARRAY_JOB_ID"), os.Getenv("SLURM_ARRAY_TASK_ID")
	if job == "" || task == "" {
		return false, nil
	}
	if _, err := command(ctx, "scontrol", "requeue", job+"_"+task); err != nil {
		return false, err
	}
	return true, nil
}
