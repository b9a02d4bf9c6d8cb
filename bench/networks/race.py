#!/usr/bin/env python3
"""Whole networks: ours beside ONNX Runtime, OpenVINO and OpenCV, each in a process of its own that stays alive.

    race.py BUILD [--rounds N] [--threads N] [--only TEXT] [--json FILE]

BUILD        folder with network_server; models and ranges are written to BUILD/networks
--rounds N   default 9; in each, every contestant runs one batch of forwards in turn
--threads N  one thread, and N (default 2, where there are as many processors)
--only TEXT  networks whose name has TEXT in it
--json FILE  everything measured, too

Times are medians, [quartiles] beside them. Ratios are medians of the ratios within one round. CPU is the processor time
of all of a process's threads per forward. "disturbed": the machine's peaks differ by more than 10 % before and after,
or a process of one thread waited for its processor for more than a tenth of the CPU time; on one thread the ratio by
CPU time then decides what is reached, on several nothing does: measure again.
Memory is the peak (VmHWM) after loading and one forward over what the process took before. Preparation is what making
one more runner or session and its first forward take beyond a forward, in CPU time; of peers that includes reading the
file. Whoever's float outputs are not ours (cosine over 0.9999, norms within 1e-4) is refused.
NNIESIM_ISA=avx2 in the environment holds us to AVX2, and here ONNX Runtime; bench/run has the switches of the others.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
MODELS = os.path.join(HERE, "../../../shared/models")
# Name, what network_server calls it, target of row 1 (None: none).
NETWORKS = [("mnet", os.path.join(MODELS, "mnet"), 1.0), ("RFB-320", os.path.join(MODELS, "RFB-320"), 0.9),
            ("MobileNet-v2", "MobileNet-v2", 1.0), ("ResNet-18", "ResNet-18", 1.0), ("YOLOv5s", "YOLOv5s", 1.0),
            ("feature_norm", os.path.join(HERE, "../../examples/feature_norm/network/feature_norm"), None)]
CONTESTANTS = ["float", "0", "onnxruntime", "1", "openvino", "opencv"]
NAMES = {"float": "ours, float", "0": "ours, mode 0", "1": "ours, mode 1", "onnxruntime": "ONNX Runtime, float",
         "openvino": "OpenVINO, float", "opencv": "OpenCV, float"}
BATCH_SECONDS = 0.15


class Worker:
    """A contestant's process, on the last `threads` processors that we may use."""

    def __init__(self, command, threads, **environment):
        processors = sorted(os.sched_getaffinity(0))[-threads:]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True, preexec_fn=lambda: os.sched_setaffinity(0, processors),
                                        env={**os.environ, "OMP_NUM_THREADS": str(threads), **environment})

    def line(self):
        text = self.process.stdout.readline()
        if not text:
            said = self.process.stderr.read().strip().splitlines()
            raise RuntimeError(" ".join(said)[-160:] if said else f"ended with {self.process.wait()}")
        return text

    def ask(self, question):
        self.process.stdin.write(f"{question}\n")
        self.process.stdin.flush()
        return self.line()

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def spread(values):
    """Quartiles."""
    v = sorted(values)
    return [v[round(q * (len(v) - 1))] for q in (0.25, 0.5, 0.75)]


def shown(values, digits=2):
    low, middle, high = spread(values)
    return f"{middle:.{digits}f} [{low:.{digits}f} {high:.{digits}f}]"


class Report:
    """Rows with targets, kept for the end."""

    def __init__(self):
        self.rows = []

    def add(self, row, what, values, target, at_least, disturbed, cpu=None):
        middle = spread(cpu if disturbed and cpu else values)[1]
        if target is None:
            state = "-"
        else:
            state = "reached" if (middle >= target if at_least else middle <= target) else "missed"
        self.rows.append({"row": row, "what": what, "quartiles": spread(values), "target": target, "state": state,
                          "disturbed": disturbed, "cpu": cpu and spread(cpu)[1]})

    def print(self):
        print(f"\n{'row':4}{'what':62}{'median [quartiles]':22}{'by CPU':>7}{'target':>9}")
        for r in sorted(self.rows, key=lambda r: r["row"]):
            sign = "" if r["target"] is None else (">= " if r["row"] in (1, 2, 7) else "<= ") + f"{r['target']:.2f}"
            low, middle, high = r["quartiles"]
            ratio = f"{middle:.2f} [{low:.2f} {high:.2f}]"
            cpu = f"{r['cpu']:.2f}" if r["cpu"] else ""
            print(f"{r['row']:<4}{r['what']:62}{ratio:22}{cpu:>7}{sign:>9}  {r['state']}"
                  + (" (disturbed)" if r["disturbed"] else ""))


def peaks(worker):
    return json.loads(worker.ask(""))


def moved(before, after):
    """By how much the machine's peaks differ, in the worst case."""
    return max([abs(after[k] / v - 1) for k, v in before.items()], default=0)


def race(name, path, target, options, peer, report):
    folder = os.path.join(options.build, "networks", name)
    server = os.path.join(options.build, "network_server")
    subprocess.run([server, "export", path, folder], check=True)
    if peer:
        subprocess.run([*peer, "export", folder], check=True)
    facts = open(os.path.join(folder, "graph.txt")).read().splitlines()[-1]
    macs = float(facts.split("macs=")[1])

    peak_worker = Worker([server, "peaks"], 1)
    peaks_before = peaks(peak_worker)
    workers, refused = {}, {}

    def start(c, threads):
        if c in ("onnxruntime", "openvino"):
            held = {"PYTHONPATH": options.held_peer} if c == "onnxruntime" and options.held_peer else {}
            return Worker([*peer, c, folder, str(threads)], threads, **held)
        return Worker([server, c, path, folder, str(threads)], threads)

    for threads in options.counts:
        for c in CONTESTANTS:
            if c in ("onnxruntime", "openvino") and not peer:
                continue
            w = start(c, threads)
            try:
                w.facts = json.loads(w.line())
                w.batch = max(1, round(BATCH_SECONDS / float(w.ask(1).split()[0])))
            except RuntimeError as e:
                refused[c, threads] = str(e)
                continue
            cosine = w.facts["cosine"]
            norm_error = w.facts["norm_error"]
            if c in ("float", "onnxruntime", "openvino") and not (cosine > 0.9999 and norm_error < 1e-4):
                refused[c, threads] = f"its outputs are not our float run's: cosine {cosine}, norm off by {norm_error}"
                w.close()
                continue
            w.wall, w.cpu, w.prepare = [], [], []
            workers[c, threads] = w
    for r in range(options.rounds):
        order = list(workers.values())
        for w in order[r % len(order):] + order[:r % len(order)]:
            time.sleep(0.05)  # threads of the one before may still wait in a busy loop
            wall, cpu = map(float, w.ask(w.batch).split())
            w.wall.append(1000 * wall / w.batch)
            w.cpu.append(1000 * cpu / w.batch)
        for w in order:
            if r < 3:
                w.prepare.append(1000 * float(w.ask("prepare").split()[1]))
    # Of processes that do the same it differs by up to a quarter.
    memory = {c: [workers[c, 1].facts["peak_kb"]] for c in ("0", "onnxruntime") if (c, 1) in workers}
    for c in memory:
        for _ in range(2):
            w = start(c, 1)
            memory[c].append(json.loads(w.line())["peak_kb"])
            w.close()
    peaks_after = peaks(peak_worker)
    for w in [*workers.values(), peak_worker]:
        w.close()
    # Peaks that move, or one thread that had to wait for its processor: then only CPU times say something.
    waited = [statistics.median(w.wall) / statistics.median(w.cpu) for (_, t), w in workers.items() if t == 1]
    disturbed = moved(peaks_before, peaks_after) > 0.1 or max(waited, default=1) > 1.1
    for w in order:
        w.prepare = [p - statistics.median(w.cpu) for p in w.prepare]

    def ratio(a, b):
        return [y / x for x, y in zip(a, b)]

    for threads in options.counts:
        suffix = f"{threads} thread" + ("s" if threads > 1 else "")
        print(f"\n{name}, {macs / 1e6:.4g} MMAC, {suffix}" + (" (disturbed)" if disturbed else ""))
        print(f"  {'':21}{'ms':24}{'CPU ms':>9}  {'speed over ORT':20}{'GMAC/s':>8}{'MB':>8}{'prepare ms':>12}  cosine")
        base = workers.get(("onnxruntime", threads))
        for c in CONTESTANTS:
            w = workers.get((c, threads))
            if w is None:
                if (c, threads) in refused:
                    print(f"  {NAMES[c]:21}refused: {refused[c, threads]}")
                continue
            speed = shown(ratio(w.wall, base.wall)) if base else "-"
            cosine = w.facts["cosine"]
            print(f"  {NAMES[c]:21}{shown(w.wall):24}{statistics.median(w.cpu):9.2f}  {speed:20}"
                  f"{macs / statistics.median(w.wall) / 1e6:8.1f}{w.facts['peak_kb'] / 1024:8.1f}"
                  f"{statistics.median(w.prepare):12.2f}  " + ("-" if cosine is None else f"{cosine:.5f}"))
        ours, wide = workers.get(("0", threads)), workers.get(("1", threads))
        if ours and base:
            goal = target and target * (0.9 if options.held else 1)
            report.add(1, f"{name}: mode 0 / ONNX Runtime float, {suffix}", ratio(ours.wall, base.wall), goal, True,
                       disturbed, ratio(ours.cpu, base.cpu) if threads == 1 else None)
            if threads == 1:
                report.add(9, f"{name}: memory of mode 0 / ONNX Runtime's", ratio(memory["onnxruntime"], memory["0"]),
                           1.0, False, False)
        if ours and wide:
            report.add(2, f"{name}: mode 1 / mode 0, {suffix}", ratio(wide.wall, ours.wall), target and 0.85, True,
                       disturbed, ratio(wide.cpu, ours.cpu) if threads == 1 else None)
        if ours and threads == 1:
            forward = statistics.median(ours.cpu)
            report.add(8, f"{name}: preparation / forward, mode 0", [p / forward for p in ours.prepare], 2.0, False,
                       disturbed)
        single = workers.get(("0", 1))
        if ours and single and threads > 1:
            report.add(7, f"{name}: {suffix} / one, mode 0", ratio(ours.wall, single.wall), target and 0.9 * threads,
                       True, disturbed)
    sys.stdout.flush()
    return {"name": name, "macs": macs, "peaks": [peaks_before, peaks_after], "disturbed": disturbed,
            "refused": {f"{c}, {t}": text for (c, t), text in refused.items()},
            "contestants": [{"who": c, "threads": t, "ms": w.wall, "cpu_ms": w.cpu, "prepare_ms": w.prepare, **w.facts}
                            for (c, t), w in workers.items()]}


def processor():
    """Names of virtual processors say little: with family and model."""
    first = open("/proc/cpuinfo").read().split("\n\n")[0]
    facts = dict(map(str.strip, line.split(":", 1)) for line in first.splitlines() if ":" in line)
    return f"{facts.get('model name', '?')} (family {facts.get('cpu family', '?')}, model {facts.get('model', '?')})"


def main():
    available = len(os.sched_getaffinity(0))
    parser = argparse.ArgumentParser(usage=__doc__, add_help=True)
    parser.add_argument("build")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=min(2, available))
    parser.add_argument("--only", default="")
    parser.add_argument("--json")
    options = parser.parse_args()
    options.counts = sorted({1, min(options.threads, available)})
    options.rounds = max(3, options.rounds)
    options.held = os.environ.get("NNIESIM_ISA") in ("avx2", "avx_vnni")
    peer = None
    print(f"{processor()}, {available} processors; medians of {options.rounds} paired rounds")
    try:
        import numpy, onnx, onnxruntime, openvino  # noqa: F401, E401
        peer = [sys.executable, os.path.join(HERE, "peers.py")]
        print(f"ONNX Runtime {onnxruntime.__version__}, OpenVINO {openvino.__version__.split('-')[0]}")
    except ImportError as e:
        print(f"no ONNX Runtime and no OpenVINO ({e}): ours alone, and OpenCV where it reads the network's own files")
    options.held_peer = None
    if peer and options.held:
        options.held_peer = os.path.join(options.build, "networks", "held")
        os.makedirs(options.held_peer, exist_ok=True)
        if subprocess.run([*peer, "hold", options.held_peer]).returncode != 0:
            options.held_peer = None
        print("all are held to AVX2" + ("" if options.held_peer else ", but for ONNX Runtime"))
    report, results = Report(), []
    for name, path, target in NETWORKS:
        if options.only not in name:
            continue
        if os.sep in path and not os.path.exists(path + ".caffemodel"):
            print(f"{name}: not there ({os.path.normpath(path)}.caffemodel)")
            continue
        results.append(race(name, path, target, options, peer, report))
    if results:
        report.print()
    if options.json:
        with open(options.json, "w") as f:
            json.dump({"rounds": options.rounds, "held_to_avx2": options.held, "networks": results,
                       "targets": report.rows}, f, indent=1)


if __name__ == "__main__":
    main()
