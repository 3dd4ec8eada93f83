"""Options, timing and environment shared by the scripts beside this file."""
import argparse
import ctypes
import dataclasses
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from model import SHAPES, Shape


def count(text: str) -> int:
    """An option's value of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f'{text!r} is not a positive number')
    return int(text)


class Help(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Shows defaults, and descriptions as they were written."""


def parser(description: str) -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(description=description, formatter_class=Help)
    options.add_argument('--shape', choices=SHAPES, default='gpt2', help='random weights of this shape, in float32')
    options.add_argument('--examples', type=count, default=20, help='prompts in a run')
    options.add_argument('--tokens', type=count, default=16, help='length of every prompt')
    options.add_argument('--layers', type=count, help='layers of the model; the shape\'s own unless given')
    options.add_argument('--batch', type=count, default=10, help='prompts computed together')
    options.add_argument('--steps', type=count, default=5, help='forward and backward passes, or steps of EAP-IG')
    options.add_argument('--threads', type=count, default=os.cpu_count(), help='threads of torch and its BLAS')
    options.add_argument('--device', default='cpu', help='cpu, or cuda (PyTorch 2.3 or later)')
    options.add_argument('--runs', type=count, default=5, help='timed runs, after one that is not')
    options.add_argument('--json', type=Path, help='also write the result here')
    return options


def prepare(args: argparse.Namespace) -> None:
    torch.set_num_threads(args.threads)
    if args.device != 'cpu':
        torch.set_default_device(args.device)
    torch.manual_seed(0)
    for advice in slow_settings():
        print(f'warning: {advice}', file=sys.stderr)


def shape(args: argparse.Namespace) -> Shape:
    named = SHAPES[args.shape]
    return dataclasses.replace(named, layers=args.layers) if args.layers else named


def loaded_libraries() -> list[str]:
    maps = Path('/proc/self/maps')
    return sorted({line.split()[-1] for line in maps.read_text().splitlines()}) if maps.exists() else []


def blas() -> str:
    """The library behind torch's matrix products. (A libblas before an OpenBLAS, which LAPACK alone may have brought.)"""
    if torch.backends.mkl.is_available():
        return 'MKL'
    found = [path for kind in ('libblas', 'libopenblas', 'libblis') for path in loaded_libraries() if f'/{kind}' in path]
    return found[0] if found else 'unknown'


def has_own_threads(library: str) -> bool:
    """Whether an OpenBLAS was built with threads of its own (1) and not with OpenMP's (2)."""
    try:
        return ctypes.CDLL(library).openblas_get_parallel() == 1
    except (OSError, AttributeError):
        return False


def slow_settings() -> list[str]:
    """What would make this a measurement of the installation and not of PyTorch."""
    advice = []
    library = blas()
    if library == 'unknown':
        advice.append('the BLAS of this torch could not be told; a reference BLAS would be many times slower')
    elif has_own_threads(library):
        advice.append("OpenBLAS with its own threads competes with torch's OpenMP threads and is 2-3 times slower than it "
                      'should be; on Debian: apt install libopenblas0-openmp')
    elif library != 'MKL' and 'openblas' not in library and 'blis' not in library:
        advice.append(f'{library} is not an optimised BLAS; on Debian: apt install libopenblas0-openmp')
    advice += [f'{name} is set and can select slower kernels; unset it'
               for name in ('OPENBLAS_CORETYPE', 'OPENBLAS_L2_SIZE') if name in os.environ]
    return advice


def peak_memory_bytes() -> int:
    """The largest resident set so far. (Linux: not ru_maxrss, which a process inherits from the one that started it.)"""
    status = Path('/proc/self/status')
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith('VmHWM'))
        return int(line.split()[1]) * 1024
    import resource
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == 'darwin' else 1024)


def time_runs(work: Callable[[], object], runs: int) -> tuple[list[float], float]:
    """Seconds of each run after a warm-up that is not counted, and the processor seconds of a run over all threads."""
    def wait() -> None:
        if torch.cuda.is_initialized():
            torch.cuda.synchronize()

    work()
    seconds = []
    processor_start = time.process_time()
    for _ in range(runs):
        wait()
        start = time.perf_counter()
        work()
        wait()
        seconds.append(time.perf_counter() - start)
    return seconds, (time.process_time() - processor_start) / runs


def report(args: argparse.Namespace, method: str, seconds: list[float], processor_seconds: float) -> None:
    median = statistics.median(seconds)
    result = {
        'method': method, 'shape': args.shape, 'layers': shape(args).layers, 'examples': args.examples, 'tokens': args.tokens, 'batch': args.batch,
        'steps': args.steps, 'seconds': median, 'seconds_min': min(seconds), 'runs': seconds,
        'seconds_per_example': median / args.examples, 'examples_per_second': args.examples / median,
        'processor_seconds': processor_seconds,
        'peak_memory_bytes': peak_memory_bytes(), 'threads': torch.get_num_threads(),
        'torch': torch.__version__, 'blas': blas(),
    }
    print(f'{method}, {args.shape}, {args.examples} examples of {args.tokens} tokens, batch {args.batch}, {args.steps} steps')
    print(f'seconds per example  {median / args.examples:.4f} (median of {len(seconds)}; least {min(seconds) / args.examples:.4f})')
    print(f'processor seconds    {processor_seconds / args.examples:.4f} per example, all threads; far below '
          f'{torch.get_num_threads()} x the seconds means a busy machine')
    print(f'peak memory          {result["peak_memory_bytes"] / 1e9:.2f} GB')
    print(f'torch {result["torch"]}, BLAS {result["blas"]}, threads {result["threads"]}')
    if args.json:
        args.json.write_text(json.dumps(result, indent=1) + '\n')
