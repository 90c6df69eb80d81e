package launch

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// cluster is a Slurm of four nodes with two processors each, all on the loopback
// interface of this machine, that needs no root, systemd or cgroups. All of its
// processes descend from this one and end with it.
type cluster struct {
	dir        string
	start      chan func()
	controller *exec.Cmd
	nodes      map[string]*exec.Cmd
	munged     *exec.Cmd
	guard      *exec.Cmd
	release    io.Closer // Ends the guard.
}

const slurmConf = `ClusterName=ci
SlurmctldHost=%[1]s(127.0.0.1)
SlurmctldPort=%[2]d
SlurmUser=%[3]s
SlurmdUser=%[3]s
# After a requeue a task waits for its old credential to expire, 120 s by default.
# Less than 5 is not taken.
AuthInfo=socket=%[4]s/munge/socket,cred_expire=5
StateSaveLocation=%[4]s/state
SlurmctldPidFile=%[4]s/slurmctld.pid
SlurmctldLogFile=%[4]s/log/slurmctld.log
SlurmdPidFile=%[4]s/slurmd.%%n.pid
SlurmdLogFile=%[4]s/log/slurmd.%%n.log
SlurmdSpoolDir=%[4]s/spool/%%n
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=1,bf_interval=1
ReturnToService=2
KillWait=2
PartitionName=main Nodes=ALL Default=YES State=UP
`

// startCluster starts the daemons and stops them when the test ends. Without
// Slurm the test is skipped.
func startCluster(t *testing.T) *cluster {
	t.Helper()
	path := map[string]string{}
	for _, name := range []string{"munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "scancel"} {
		for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin", "/sbin") {
			if file, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
				path[name] = file
				break
			}
		}
		if path[name] == "" {
			t.Skipf("no %s here; on Debian: apt-get install --no-install-recommends munge slurmctld slurmd slurm-client", name)
		}
	}
	// Processes that lose their parents, as those of a job do, become ours, so that
	// none can get away.
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "slurm") // Of a short path: sockets have no room for long ones.
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{dir: dir, start: make(chan func()), nodes: map[string]*exec.Cmd{}}
	go func() {
		// A daemon gets a signal when the thread ends that started it, so this one is for
		// them alone and ends with the process.
		runtime.LockOSThread()
		for f := range c.start {
			f()
		}
		select {}
	}()
	t.Cleanup(func() { c.stop(t) })
	c.startGuard(t)
	c.configure(t)

	conf := filepath.Join(dir, "etc", "slurm.conf")
	m := filepath.Join(dir, "munge")
	c.munged = c.daemon(t, path["munged"], "--foreground", "--force", "--key-file="+m+"/key", "--socket="+m+"/socket",
		"--pid-file="+m+"/pid", "--log-file="+m+"/log", "--seed-file="+m+"/seed")
	eventually(t, "munge answers", func() bool { _, err := os.Stat(m + "/socket"); return err == nil })
	for _, v := range [][2]string{{"SLURM_CONF", conf}, {"PATH", filepath.Dir(path["sbatch"]) + ":" + os.Getenv("PATH")}} {
		old := os.Getenv(v[0]) // Not t.Setenv, which parallel tests must not have.
		os.Setenv(v[0], v[1])
		t.Cleanup(func() { os.Setenv(v[0], old) })
	}
	c.startController(t)
	for i := range 4 {
		c.startNode(t, fmt.Sprintf("n%d", i+1))
	}
	eventually(t, "four nodes are idle", func() bool {
		return strings.Count(c.ask(t, "sinfo", "--noheader", "--Node", "--states=idle", "--format=%N"), "n") == 4
	})
	return c
}

// configure writes the files that the daemons read.
func (c *cluster) configure(t *testing.T) {
	t.Helper()
	for name, mode := range map[string]os.FileMode{"etc": 0o755, "state": 0o755, "spool": 0o755, "log": 0o755, "munge": 0o711} {
		if err := os.Mkdir(filepath.Join(c.dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	host, err := os.Hostname()
	me, err2 := user.Current()
	if err := errors.Join(err, err2, os.Chmod(c.dir, 0o755)); err != nil {
		t.Fatal(err)
	}
	host, _, _ = strings.Cut(host, ".")
	ports := freePorts(t, 5)
	conf := fmt.Sprintf(slurmConf, host, ports[0], me.Username, c.dir)
	for i, port := range ports[1:] {
		conf += fmt.Sprintf("NodeName=n%d NodeHostname=%s NodeAddr=127.0.0.1 Port=%d CPUs=2 RealMemory=1000\n", i+1, host, port)
	}
	cgroup := "CgroupPlugin=cgroup/v1\n" // Which is not used, and need not be there.
	if out, err := exec.Command("slurmctld", "-V").Output(); err == nil && string(out) > "slurm-wlm 23.11" {
		cgroup = "CgroupPlugin=disabled\n"
	}
	key := make([]byte, 1024)
	_, _ = rand.Read(key) // Never fails.
	for name, b := range map[string][]byte{"munge/key": key, "etc/slurm.conf": []byte(conf), "etc/cgroup.conf": []byte(cgroup)} {
		mode := os.FileMode(0o644)
		if name == "munge/key" {
			mode = 0o600
		}
		if err := os.WriteFile(filepath.Join(c.dir, name), b, mode); err != nil {
			t.Fatal(err)
		}
	}
}

// freePorts returns ports that nobody listens on.
func freePorts(t *testing.T, n int) []int {
	t.Helper()
	var ports []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close() // Only now, so that no port comes twice.
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

// startGuard starts a process that ends all others of the cluster when this one is
// killed, as go test does after its time, and they cannot become its children.
func (c *cluster) startGuard(t *testing.T) {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c.guard = exec.Command(program, "guard", c.dir)
	c.guard.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // No Ctrl-C for it.
	if c.release, err = c.guard.StdinPipe(); err == nil {
		err = c.guard.Start()
	}
	if err != nil {
		c.guard = nil
		t.Fatal(err)
	}
}

// guard waits until its standard input ends and then ends the processes of the
// cluster in dir until there is none.
func guard(dir string) {
	_, _ = io.Copy(io.Discard, os.Stdin)
	for quiet := 0; quiet < 10; quiet++ {
		for _, p := range processes() {
			cwd, _ := os.Readlink(fmt.Sprintf("/proc/%d/cwd", p.pid))
			if p.pid != os.Getpid() && (strings.HasPrefix(cwd, dir) || bytes.Contains(p.environ(), []byte("SLURM_CONF="+dir))) {
				_ = syscall.Kill(p.pid, syscall.SIGKILL)
				quiet = 0
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	_ = os.RemoveAll(dir)
}

// daemon starts a daemon that ends with this process.
func (c *cluster) daemon(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = c.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	c.start <- func() { started <- cmd.Start() }
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	return cmd
}

func (c *cluster) startController(t *testing.T) {
	t.Helper()
	c.controller = c.daemon(t, "slurmctld", "-D", "-f", filepath.Join(c.dir, "etc", "slurm.conf"))
	eventually(t, "the controller answers", func() bool { return exec.Command("scontrol", "ping").Run() == nil })
}

func (c *cluster) startNode(t *testing.T, node string) {
	t.Helper()
	c.nodes[node] = c.daemon(t, "slurmd", "-D", "-f", filepath.Join(c.dir, "etc", "slurm.conf"), "-N", node)
}

// kill ends a daemon as a power cut does.
func kill(cmd *exec.Cmd) {
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}

// killNode ends a node with all that runs on it.
func (c *cluster) killNode(t *testing.T, node string) {
	t.Helper()
	kill(c.nodes[node])
	for _, p := range descendants() {
		if bytes.Contains(p.environ(), []byte("SLURMD_NODENAME="+node+"\x00")) {
			_ = syscall.Kill(p.parent, syscall.SIGKILL) // Its slurmstepd.
			_ = syscall.Kill(p.pid, syscall.SIGKILL)
		}
	}
}

// ask runs a command of Slurm that must succeed.
func (c *cluster) ask(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := command(t.Context(), name, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// stop ends all processes that descend from this one, and fails the test if one
// is left.
func (c *cluster) stop(t *testing.T) {
	if t.Failed() {
		for _, name := range []string{"slurmctld.log"} {
			text, err := tail(filepath.Join(c.dir, "log", name), 20)
			t.Logf("%s: %v\n%s", name, err, text)
		}
	}
	for _, cmd := range c.nodes {
		kill(cmd)
	}
	for _, cmd := range []*exec.Cmd{c.controller, c.munged} {
		if cmd != nil {
			kill(cmd)
		}
	}
	eventually(t, "no process is left", func() bool {
		list := slices.DeleteFunc(descendants(), func(p process) bool { return c.guard != nil && p.pid == c.guard.Process.Pid })
		for _, p := range list {
			_ = syscall.Kill(p.pid, syscall.SIGKILL)
			var status syscall.WaitStatus
			_, _ = syscall.Wait4(p.pid, &status, syscall.WNOHANG, nil) // Fails for children of others, which will reap them or die.
		}
		return len(list) == 0
	})
	close(c.start)
	if c.guard != nil {
		if err := errors.Join(c.release.Close(), c.guard.Wait()); err != nil {
			t.Error(err)
		}
	}
}

// process is a process of this machine.
type process struct{ pid, parent int }

// environ returns the environment that the process was started with, each
// variable with a zero at its end.
func (p process) environ() []byte {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", p.pid))
	return b
}

// processes returns all processes of this machine.
func processes() []process {
	var all []process
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, name := range stats {
		b, err := os.ReadFile(name)
		if err != nil {
			continue // It has just ended.
		}
		// PID (NAME) STATE PARENT ...; the name may hold anything.
		f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
		pid, err1 := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		parent, err2 := strconv.Atoi(f[1])
		if err1 == nil && err2 == nil {
			all = append(all, process{pid, parent})
		}
	}
	return all
}

// descendants returns the children of this process, theirs, and so on.
func descendants() []process {
	all := processes()
	ours := map[int]bool{os.Getpid(): true}
	var list []process
	for grown := true; grown; {
		grown = false
		for _, p := range all {
			if ours[p.parent] && !ours[p.pid] {
				ours[p.pid], grown = true, true
				list = append(list, p)
			}
		}
	}
	return list
}

// eventually waits for something that comes to pass unless it is broken.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for range 3000 { // A guard against what never comes: a busy machine takes its time.
		if is() {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("after five minutes, still not: %s", what)
}
