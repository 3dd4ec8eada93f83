"""Prints the medians that compare.sh gathered: summary.py FOLDER, with gradients-N.json, faith-N.json, suffix-N.json and
reference-N.json of each round N."""
import json
import statistics
import sys
from pathlib import Path

NAMES = {
    'gradients': 'PyTorch, forward and backward only',
    'reference': 'PyTorch, EAP-IG (eap_ig.py)',
    'faith': 'faith, EAP-IG',
    'suffix': 'faith, EAP-IG, first difference at 2/3',
}


def rounds(folder: Path, name: str) -> list[dict]:
    files = sorted(folder.glob(f'{name}-*.json'), key=lambda file: int(file.stem.split('-')[1]))
    return [json.loads(file.read_text()) for file in files]


def seconds_per_example(result: dict) -> float:
    return result['seconds'] / result['examples']


def ratio_line(label: str, results: dict[str, list[dict]], above: str, below: str, bar: str) -> str:
    ratios = [seconds_per_example(a) / seconds_per_example(b) for a, b in zip(results[above], results[below])]
    return f'{label:54}{statistics.median(ratios):7.3f}x   {min(ratios):.3f} to {max(ratios):.3f}   {bar}'


def main() -> None:
    results = {name: rounds(Path(sys.argv[1]), name) for name in NAMES}
    settings = results['gradients'][0]
    print(f'{settings["shape"]} of {settings["layers"]} layers, prompts of {settings["tokens"]} tokens, {settings["steps"]} steps, threads {settings["threads"]}; '
          f'PyTorch {settings["torch"]} in batches of {settings["batch"]}, BLAS {settings["blas"]}')
    print(f'medians of {len(results["gradients"])} rounds\n')
    print(f'{"":54}{"s an example":>12}{"peak GB":>10}')
    for name, title in NAMES.items():
        seconds = statistics.median(map(seconds_per_example, results[name]))
        memory = statistics.median(result['peak_memory_bytes'] for result in results[name])
        print(f'{title:54}{seconds:12.4f}{memory / 1e9:10.2f}')
    print(f'\n{"time ratios, paired by round":54}{"median":>8}   range')
    print(ratio_line('EAP-IG of faith / forward and backward of PyTorch', results, 'faith', 'gradients', 'bar 1.0, aim 0.7'))
    print(ratio_line('the same, first difference at 2/3', results, 'suffix', 'gradients', 'bar 0.45, aim 0.3'))
    print(ratio_line('EAP-IG of faith / EAP-IG of PyTorch', results, 'faith', 'reference', ''))


if __name__ == '__main__':
    main()
