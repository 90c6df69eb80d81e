package launch_test

import (
	"fmt"

	"sresnet/launch"
)

// planned is a run of 40 shards, of which number 7 is finished. A *shard.Run is
// such a run.
type planned struct{}

func (planned) Dir() string { return "/data/run" }
func (planned) Shards() int { return 40 }
func (planned) Missing() ([]int, error) {
	var list []int
	for k := range 40 {
		if k != 7 {
			list = append(list, k)
		}
	}
	return list, nil
}

// What GNU parallel and mpirun are given of a run.
func Example() {
	worker := launch.Worker("/opt/sresnet", "/data/run")
	line, err := launch.Parallel(planned{}, worker, 1)
	fmt.Println(line, err)
	line, err = launch.MPI(planned{}, worker)
	fmt.Println(line, err)
	// Output:
	// (seq 0 6; seq 8 39) | parallel -q --jobs 1 --retries 3 /opt/sresnet run /data/run --shard {} <nil>
	// mpirun -n 7 sh -c 'exec /opt/sresnet run /data/run --shard $OMPI_COMM_WORLD_RANK' : -n 32 sh -c 'exec /opt/sresnet run /data/run --shard $((OMPI_COMM_WORLD_RANK + 1))' <nil>
}
