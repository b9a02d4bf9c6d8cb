#!/usr/bin/env python3
"""The peers of PyPI: each runs a network's ONNX model in a process of its own, for race.py.

    peers.py export FOLDER                        graph.txt and weights.bin of network_server -> model.onnx
    peers.py hold FOLDER                          a copy of ONNX Runtime held to AVX2, for PYTHONPATH
    peers.py onnxruntime|openvino FOLDER THREADS  a contestant: answers as network_server does (server.cpp)
"""
import importlib.util
import json
import os
import shutil
import sys
import time

import numpy as np


def graph_lines(folder):
    """Of each layer its kind and its parameters: text, or a list of integers."""
    for line in open(os.path.join(folder, "graph.txt")):
        kind, *parameters = line.split()
        yield kind, dict(p.split("=", 1) for p in parameters)


def integers(text):
    return [int(v) for v in text.split(",") if v]


def export(folder):
    import onnx
    from onnx import helper, numpy_helper

    weights = np.fromfile(os.path.join(folder, "weights.bin"), np.float32)
    nodes, constants, inputs, outputs, shapes = [], [], [], [], {}

    def constant(values):
        constants.append(numpy_helper.from_array(np.asarray(values), f"c{len(constants)}"))
        return constants[-1].name

    def node(kind, x, y=None, **attributes):
        y = y or f"n{len(nodes)}"
        nodes.append(helper.make_node(kind, x, [y], **attributes))
        return y

    for kind, p in graph_lines(folder):

        def stored(name, shape=None):
            at, own = p[name].split(":")
            own = integers(own)
            return constant(weights[int(at):int(at) + int(np.prod(own))].reshape(shape or own))

        y = [f"t{b}" for b in integers(p["y"])]
        if kind == "outputs":
            outputs = [helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, shapes[n]) for n in y]
            break
        y = y[0]
        x = [f"t{b}" for b in integers(p["x"])]
        shape = shapes[y] = integers(p["shape"])
        both = [stored(n) for n in ("w", "b") if n in p] if kind in ("Conv", "ConvTranspose", "Gemm") else []
        if kind == "Input":
            inputs.append(helper.make_tensor_value_info(y, onnx.TensorProto.FLOAT, shape))
        elif kind in ("Conv", "ConvTranspose"):
            kernel = integers(p["w"].split(":")[1])[2:]
            node(kind, x + both, y, kernel_shape=kernel, strides=integers(p["stride"]), pads=integers(p["pad"]),
                 dilations=integers(p["dilation"]), group=int(p["groups"]))
        elif kind == "Gemm":
            node("Gemm", [node("Flatten", x, axis=int(p["axis"]))] + both, y, transB=1)
        elif kind == "Scale":
            factor = integers(p["w"].split(":")[1]) if "w" in p else shapes[x[1]]
            axis = int(p["axis"])
            spread = [1] * axis + factor + [1] * (len(shape) - axis - len(factor))
            w = stored("w", spread) if "w" in p else node("Reshape", [x[1], constant(np.int64(spread))])
            node("Mul", [x[0], w], None if "b" in p else y)
            if "b" in p:
                node("Add", [nodes[-1].output[0], stored("b", spread)], y)
        elif kind == "Reshape":
            node("Reshape", [x[0], constant(np.int64(shape))], y)
        elif kind == "LeakyRelu":
            alpha = float(p["alpha"])
            node("LeakyRelu", x, y, alpha=alpha) if alpha else node("Relu", x, y)
        elif kind == "Power":
            v = x[0]
            if float(p["scale"]) != 1:
                v = node("Mul", [v, constant(np.float32(p["scale"]))])
            if float(p["shift"]) != 0:
                v = node("Add", [v, constant(np.float32(p["shift"]))])
            if float(p["exponent"]) == 2:
                node("Mul", [v, v], y)
            else:
                node("Pow", [v, constant(np.float32(p["exponent"]))], y)
        elif kind == "Softmax":
            node("Softmax", x, y, axis=int(p["axis"]))
        elif kind.startswith("Global"):
            node(kind, x, y)
        elif kind in ("MaxPool", "AveragePool"):
            average = {"count_include_pad": 1 - int(p["inside"])} if kind == "AveragePool" else {}
            node(kind, x, y, kernel_shape=integers(p["kernel"]), strides=integers(p["stride"]), pads=integers(p["pad"]),
                 ceil_mode=int(p["ceil"]), **average)
        elif kind in ("Sum", "Mul", "Max"):
            node("Add" if kind == "Sum" and len(x) == 2 else kind, x, y)
        elif kind == "Concat":
            node("Concat", x, y, axis=int(p["axis"]))
        elif kind == "Transpose":
            node("Transpose", x, y, perm=integers(p["order"]))
        elif kind == "ReduceMean":
            node("ReduceMean", x, y, axes=integers(p["axes"]), keepdims=int(p["keep"]))
        elif kind == "Upsample":
            factor = float(p["factor"])
            node("Resize", [x[0], "", constant(np.float32([1, 1, factor, factor]))], y, mode="nearest",
                 coordinate_transformation_mode="asymmetric", nearest_mode="floor")
        elif kind in ("Identity", "Sigmoid"):
            node(kind, x, y)
        else:
            sys.exit(f"peers.py: {folder}: {kind} has no counterpart here")
    graph = helper.make_graph(nodes, "network", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, os.path.join(folder, "model.onnx"))


def hold(folder):
    """ONNX Runtime and its MLAS have no switch. They take AVX-512 where XGETBV says that the system keeps its registers
    (bits 5 to 7); in the copy each such place gets 7: those of SSE and AVX alone. That it is held shows in its NCHWc
    blocks, of 8 instead of 16 channels."""
    source = os.path.dirname(importlib.util.find_spec("onnxruntime").origin)
    copy = os.path.join(folder, "onnxruntime")
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(source, copy, ignore=shutil.ignore_patterns("libonnxruntime.so*", "__pycache__"))
    places = 0
    for file in os.listdir(os.path.join(copy, "capi")):
        if not file.startswith("onnxruntime_pybind11_state"):
            continue
        path = os.path.join(copy, "capi", file)
        with open(path, "rb") as f:
            code = f.read()
        for clear in (b"\x31\xc9", b"\x33\xc9"):  # xor ecx, ecx; then xgetbv -> push 7; pop rax
            places += code.count(clear + b"\x0f\x01\xd0")
            code = code.replace(clear + b"\x0f\x01\xd0", clear + b"\x6a\x07\x58")
        with open(path, "wb") as f:
            f.write(code)
    if places != 3:
        shutil.rmtree(copy)
        sys.exit(f"peers.py: {places} places in {source} read XGETBV, expected 3: ONNX Runtime is not held to AVX2")


def floats_of(folder, file, names, shapes):
    """The file's tensors, one behind the other, by name."""
    values, at, result = np.fromfile(os.path.join(folder, file), np.float32), 0, {}
    for name in names:
        count = int(np.prod(shapes[name]))
        result[name] = values[at:at + count].reshape(shapes[name])
        at += count
    return result


def kilobytes(which):
    for line in open("/proc/self/status"):
        if line.startswith(which + ":"):
            return int(line.split()[1])


def onnxruntime_forward(folder, threads, inputs, outputs):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(os.path.join(folder, "model.onnx"), options,
                                           providers=["CPUExecutionProvider"])
    return lambda: session.run(outputs, inputs)


def openvino_forward(folder, threads, inputs, outputs):
    import openvino

    core = openvino.Core()

    # In float32: where there is bfloat16 it would take that.
    compiled = core.compile_model(core.read_model(os.path.join(folder, "model.onnx")), "CPU", {
        "PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1,
        "INFERENCE_PRECISION_HINT": "f32", "ENABLE_CPU_PINNING": False})
    request = compiled.create_infer_request()

    def forward():
        for name, x in inputs.items():
            request.set_tensor(name, openvino.Tensor(x, shared_memory=True))
        request.infer()
        return [request.get_tensor(name).data for name in outputs]

    return forward


def serve(peer, folder, threads):
    __import__(peer)  # what the library takes by itself is not the network's
    open("/proc/self/clear_refs", "w").write("5\n")
    before = kilobytes("VmRSS")
    shapes, inputs, outputs = {}, [], []
    for kind, p in graph_lines(folder):
        names = [f"t{b}" for b in integers(p["y"])]
        if kind == "outputs":
            outputs = names
            break
        shapes[names[0]] = integers(p["shape"])
        inputs += names if kind == "Input" else []
    make = {"onnxruntime": onnxruntime_forward, "openvino": openvino_forward}[peer]
    values = floats_of(folder, "inputs.bin", inputs, shapes)
    forward = make(folder, threads, values, outputs)
    results = forward()
    peak = kilobytes("VmHWM") - before
    cosine, norm_error = 1.0, 0.0
    for y, expected in zip(results, floats_of(folder, "outputs.bin", outputs, shapes).values()):
        a, b = y.astype(np.float64).ravel(), expected.astype(np.float64).ravel()
        if not (a @ a > 0 and b @ b > 0):  # NaN, too
            cosine = -1.0
            continue
        cosine = min(cosine, float(a @ b / np.sqrt((a @ a) * (b @ b))))
        norm_error = max(norm_error, abs(float(np.sqrt((a @ a) / (b @ b))) - 1))
    print(json.dumps({"peak_kb": peak, "cosine": cosine, "norm_error": norm_error}), flush=True)
    del results
    for line in sys.stdin:
        if line.strip() == "prepare":
            start, cpu = time.perf_counter(), time.process_time()
            make(folder, threads, values, outputs)()
        else:
            forward()
            start, cpu = time.perf_counter(), time.process_time()
            for _ in range(int(line)):
                forward()
        print(time.perf_counter() - start, time.process_time() - cpu, flush=True)


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "export":
        export(sys.argv[2])
    elif len(sys.argv) == 3 and sys.argv[1] == "hold":
        hold(sys.argv[2])
    elif len(sys.argv) == 4:
        serve(sys.argv[1], sys.argv[2], int(sys.argv[3]))
    else:
        sys.exit(__doc__)
