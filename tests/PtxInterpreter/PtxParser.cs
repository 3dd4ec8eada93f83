using System.Globalization;
using System.Text.RegularExpressions;

namespace Faith.PtxInterpreter;

/// <summary>
/// Reads PTX as clang and ILGPU write it: one declaration or instruction a line. Anything that is not understood is an error that
/// names the kernel and the line; nothing is skipped in silence but functions, which no kernel that is understood calls.
/// </summary>
public sealed partial class PtxParser
{
    // Space between shared variables that belongs to none, so that running off one is not reading the next.
    private const int SharedGap = 64;

    // Stands for the address of dynamic shared memory, which lies behind all variables, until all of them are known.
    private const ulong DynamicAddress = 0xd1a0_0000_0000_0000;

    private readonly List<Instruction> _code = [];
    private readonly List<(Instruction Branch, string Label)> _branches = [];
    private readonly Dictionary<string, int> _labels = [];
    private readonly Dictionary<string, int> _registers = [];
    private readonly Dictionary<string, int> _predicates = [];
    private readonly Dictionary<(bool Wide, ulong Value), int> _constants = [];
    private readonly List<(int Offset, string Name)> _specials = [];
    private readonly List<PtxParameter> _parameters = [];
    private readonly List<SharedVariable> _shared = [], _local = [];
    private readonly Dictionary<string, string[]> _targets = [];
    private readonly string _name;
    private readonly string? _dynamicShared;
    private string _lastLabel = "";
    private int _registerBytes, _sharedBytes, _localBytes, _maxThreads;

    private PtxParser(string name, string? dynamicShared) => (_name, _dynamicShared) = (name, dynamicShared);

    /// <summary>Reads every kernel of a module.</summary>
    /// <exception cref="PtxException">Something is not understood.</exception>
    public static Dictionary<string, PtxKernel> Parse(string ptx)
    {
        ArgumentNullException.ThrowIfNull(ptx);
        var kernels = new Dictionary<string, PtxKernel>();
        PtxParser? kernel = null;
        var inBody = false;
        string? dynamicShared = null;
        var lines = ptx.Split('\n');
        for (var n = 0; n < lines.Length; n++)
        {
            var line = StripComment(lines[n]);
            if (line.Length == 0)
                continue;
            if (kernel is null)
            {
                if (Entry().Match(line) is { Success: true } entry)
                    kernel = new(entry.Groups[1].Value, dynamicShared);
                else if (Function().IsMatch(line))
                    n = EndOfFunction(lines, n);
                else if (DynamicShared().Match(line) is { Success: true } shared)
                    dynamicShared = shared.Groups[1].Value;
                else if (!ModuleDirective().IsMatch(line))
                    throw new PtxException($"PTX line {n + 1} is not understood: {line}");
            }
            else if (inBody && line == "}")
            {
                kernels.Add(kernel._name, kernel.Finish());
                (kernel, inBody) = (null, false);
            }
            else if (inBody)
                kernel.ParseBodyLine(line, n + 1);
            else if (line == "{")
                inBody = true;
            else
                kernel.ParseHeaderLine(line, n + 1);
        }
        return kernel is null ? kernels : throw new PtxException($"kernel {kernel._name} has no end");
    }

    // The last line of a function's declaration or body, which may hold blocks of its own.
    private static int EndOfFunction(string[] lines, int n)
    {
        for (var depth = 0; n < lines.Length; n++)
        {
            var line = StripComment(lines[n]);
            depth += line == "{" ? 1 : line == "}" ? -1 : 0;
            if (depth == 0 && (line == "}" || line.EndsWith(';')))
                return n;
        }
        throw new PtxException("a function has no end");
    }

    private static string StripComment(string line)
    {
        var comment = line.IndexOf("//", StringComparison.Ordinal);
        return (comment < 0 ? line : line[..comment]).Trim();
    }

    private PtxException Error(int line, string what) => new($"kernel {_name}, PTX line {line}: {what}");

    private void ParseHeaderLine(string line, int number)
    {
        // How many blocks a multiprocessor should hold concerns the compiler that allots registers.
        if (line == ")" || line.StartsWith(".minnctapersm ", StringComparison.Ordinal))
            return;
        if (MaxThreads().Match(line) is { Success: true } limit)
        {
            _maxThreads = int.Parse(limit.Groups[1].Value, CultureInfo.InvariantCulture);
            return;
        }
        var match = Parameter().Match(line);
        if (!match.Success)
            throw Error(number, $"not understood: {line}");
        var alignment = match.Groups["align"].Success ? int.Parse(match.Groups["align"].Value, CultureInfo.InvariantCulture) : 1;
        var size = int.Parse(match.Groups["bits"].Value, CultureInfo.InvariantCulture) / 8;
        if (match.Groups["count"].Success)
            size *= int.Parse(match.Groups["count"].Value, CultureInfo.InvariantCulture);
        else
            alignment = size;
        var end = _parameters.Count == 0 ? 0 : _parameters[^1].Offset + _parameters[^1].Size;
        _parameters.Add(new(match.Groups["name"].Value, (end + alignment - 1) / alignment * alignment, size));
    }

    private void ParseBodyLine(string line, int number)
    {
        if (line.EndsWith(':'))
            _labels.Add(_lastLabel = line[..^1], _code.Count);
        else if (BranchTargets().Match(line) is { Success: true } targets)
            _targets.Add(_lastLabel, [.. targets.Groups[1].Value.Split(',').Select(t => t.Trim())]);
        else if (VariableDeclaration().Match(line) is { Success: true } shared)
        {
            var isShared = shared.Groups[1].Value == "shared";
            var alignment = int.Parse(shared.Groups[2].Value, CultureInfo.InvariantCulture);
            var offset = ((isShared ? _sharedBytes : _localBytes) + SharedGap + alignment - 1) / alignment * alignment;
            var size = int.Parse(shared.Groups[4].Value, CultureInfo.InvariantCulture);
            (isShared ? _shared : _local).Add(new(shared.Groups[3].Value, offset, size));
            (isShared ? ref _sharedBytes : ref _localBytes) = offset + size;
        }
        // A block within a body holds the operands of a call.
        else if (line == "{")
            throw Error(number, "a call of a function is not known");
        else if (!BodyDirective().IsMatch(line))
            ParseInstruction(line, number);
    }

    private void ParseInstruction(string line, int number)
    {
        var instruction = new Instruction { Line = number, Text = line };
        if (!line.EndsWith(';'))
            throw Error(number, $"not understood: {line}");
        var rest = line[..^1];
        if (Guard().Match(rest) is { Success: true } guard)
        {
            instruction.Guard = Predicate(guard.Groups[2].Value);
            instruction.GuardNegated = guard.Groups[1].Length > 0;
            rest = rest[guard.Length..];
        }
        var space = rest.IndexOfAny([' ', '\t']);
        var opcode = space < 0 ? rest : rest[..space];
        var operands = SplitOperands(space < 0 ? "" : rest[space..]);
        try
        {
            if (opcode is "bra" or "bra.uni")
            {
                instruction.Flow = Flow.Branch;
                _branches.Add((instruction, operands[0]));
            }
            else if (opcode == "brx.idx")
            {
                AddIndexedBranch(line, number, operands);
                return;
            }
            else if (opcode is "ret" or "exit")
                instruction.Flow = Flow.Exit;
            else if (opcode == "bar.sync" && operands is ["0"])
                instruction.Flow = Flow.Barrier;
            else if (opcode.StartsWith("ld.", StringComparison.Ordinal) || opcode.StartsWith("st.", StringComparison.Ordinal))
                ParseMemory(instruction, opcode, operands);
            // A conversion may take the lower half of a wider register.
            else if (Opcodes.Find(operands is [_, var from] && from.StartsWith("%rd", StringComparison.Ordinal)
                && opcode.StartsWith("cvt.s64.s32", StringComparison.Ordinal)
                         ? "cvt.s64.lower" : opcode) is { } found && (found.IsMultiply ? WarpProduct.Registers.Length == operands.Count : found.Operands.Length <= operands.Count))
                ParseOperands(instruction, found, operands);
            else
                throw new FormatException($"unknown instruction {opcode}");
            if (instruction.Guard >= 0 && (instruction.Flow is Flow.Barrier or Flow.Shuffle))
                throw new FormatException("a barrier, shuffle or mma under a predicate is not known");
        }
        catch (Exception e) when (e is FormatException or KeyNotFoundException or OverflowException)
        {
            throw Error(number, $"{e.Message} in '{line}'");
        }
        _code.Add(instruction);
    }

    // A branch by an index becomes a comparison and a branch for each target but the last, which takes what is left: an index beyond
    // the targets is undefined in PTX.
    private void AddIndexedBranch(string line, int number, List<string> operands)
    {
        var targets = _targets[operands[1]];
        for (var n = 0; n < targets.Length; n++)
        {
            var branch = new Instruction { Line = number, Text = line, Flow = Flow.Branch };
            if (n < targets.Length - 1)
            {
                var compare = new Instruction { Line = number, Text = line };
                ParseOperands(compare, Opcodes.Find("setp.eq.s32")!, ["%p_index", operands[0], n.ToString(CultureInfo.InvariantCulture)]);
                _code.Add(compare);
                branch.Guard = compare.D;
            }
            _branches.Add((branch, targets[n]));
            _code.Add(branch);
        }
    }

    private void ParseOperands(Instruction instruction, Opcode opcode, List<string> operands)
    {
        for (var n = 0; n < opcode.Operands.Length; n++)
        {
            var kind = opcode.Operands[n];
            var value = kind switch
            {
                'p' => Predicate(operands[n]),
                _ => Register(operands[n], kind == 'q'),
            };
            _ = n switch
            {
                0 => instruction.D = value,
                1 => instruction.A = value,
                2 => instruction.B = value,
                _ => instruction.C = value,
            };
        }
        if (opcode.IsShift && TryConstant(operands[2], out var shift))
            instruction.Shift = (int)shift;
        // shfl.sync names the lanes that segments are made of and those that take part: all of them, here.
        if (opcode.IsShuffle && (operands is not [_, _, _, var segment, "0xffffffff" or "-1" or "4294967295"]
            || segment is not ("31" or "0x1f") && (segment != "0" || !instruction.Text.Contains(".up.", StringComparison.Ordinal))))
            throw new FormatException("only shuffles of whole warps are known");
        if (opcode.IsMultiply) instruction.Values = [.. operands.Zip(WarpProduct.Registers, RegistersOf).SelectMany(list => list)];
        instruction.Flow = opcode.IsShuffle || opcode.IsMultiply ? Flow.Shuffle : Flow.Next;
        instruction.Execute = opcode.Execute;
    }

    private int[] RegistersOf(string list, int count)
    {
        if (list is not ['{', .. var names, '}'] || names.Split(',') is not { } split || split.Length != count) throw new FormatException($"{list} is no list of {count} registers");
        return [.. split.Select(name => Register(name.Trim(), wide: false))];
    }

    // ld[.nc][.space][.v2|.v4].type, st likewise
    private void ParseMemory(Instruction instruction, string opcode, List<string> operands)
    {
        var parts = opcode.Split('.');
        var load = parts[0] == "ld";
        var type = parts[^1];
        instruction.Size = type is "u8" or "s8" or "b8" ? 1 : type is "u16" or "b16" ? 2 : type is "u32" or "s32" or "b32" or "f32" ? 4
            : type is "u64" or "s64" or "b64" or "f64" ? 8
            : throw new FormatException($"unknown type {type}");
        var count = 1;
        var space = "generic";
        foreach (var part in parts[1..^1])
            if (part is "global" or "shared" or "param" or "local")
                space = part;
            else if (part is "v2" or "v4")
                count = part[1] - '0';
            else if (part != "nc")
                throw new FormatException($"unknown qualifier {part}");
        var (values, address) = load ? (operands[0], operands[1]) : (operands[1], operands[0]);
        // A register may be wider than the value in memory.
        instruction.Wide = instruction.Size == 8 || values.Split(',').Any(v => IsWide(v.Trim('{', '}', ' ')));
        instruction.Signed = type[0] == 's';
        if (instruction.Signed && instruction.Size < 4)
            throw new FormatException($"unknown type {type}");
        instruction.Values = [.. values.Trim('{', '}').Split(',').Select(v => Register(v.Trim(), instruction.Wide))];
        if (instruction.Values.Length != count)
            throw new FormatException("wrong number of values");
        var match = Address().Match(address);
        if (!match.Success)
            throw new FormatException($"unknown address {address}");
        instruction.Offset = match.Groups[2].Success ? int.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture) : 0;
        instruction.A = Register(match.Groups[1].Value, wide: true);
        instruction.Execute = (space, load) switch
        {
            ("param", true) => MemoryAccess.LoadParameter,
            ("shared", true) => MemoryAccess.LoadShared,
            ("shared", false) => MemoryAccess.StoreShared,
            ("local", true) => MemoryAccess.LoadLocal,
            ("local", false) => MemoryAccess.StoreLocal,
            // A generic address is one of global memory: no kernel takes the generic address of a shared variable, and if
            // one did, its offset would be no global allocation.
            (_, true) => MemoryAccess.LoadGlobal,
            ("param", false) => throw new FormatException("parameters cannot be written"),
            _ => MemoryAccess.StoreGlobal,
        };
    }

    private static List<string> SplitOperands(string text)
    {
        var operands = new List<string>();
        int depth = 0, start = 0;
        for (var n = 0; n <= text.Length; n++)
        {
            if (n == text.Length || text[n] == ',' && depth == 0)
            {
                if (text[start..n].Trim() is { Length: > 0 } operand)
                    operands.Add(operand);
                start = n + 1;
            }
            else
                depth += text[n] == '{' ? 1 : text[n] == '}' ? -1 : 0;
        }
        return operands;
    }

    // Predicates 0 and 1 are always true and always false; they stand for the constants in mov.pred.
    private int Predicate(string name)
    {
        if (name is "-1" or "1" or "0")
            return name == "0" ? 1 : 0;
        if (!name.StartsWith("%p", StringComparison.Ordinal))
            throw new FormatException($"{name} is no predicate");
        if (!_predicates.TryGetValue(name, out var index))
            _predicates.Add(name, index = _predicates.Count + 2);
        return index;
    }

    // The register of an operand: one that is declared, a special one, or one that holds a constant.
    private int Register(string operand, bool wide)
    {
        if (TryConstant(operand, out var value))
        {
            var key = (wide, wide ? value : (uint)value);
            if (!_constants.TryGetValue(key, out var constant))
                _constants.Add(key, constant = AllocateRegister(wide));
            return constant;
        }
        if (operand[0] != '%')
            throw new FormatException($"unknown operand {operand}");
        var special = SpecialRegister().IsMatch(operand);
        if (!special && IsWide(operand) != wide || operand.StartsWith("%p", StringComparison.Ordinal))
            throw new FormatException($"{operand} has the wrong type");
        if (!_registers.TryGetValue(operand, out var offset))
        {
            _registers.Add(operand, offset = AllocateRegister(wide));
            if (special)
                _specials.Add((offset, operand));
        }
        return offset;
    }

    private static bool IsWide(string register) =>
        register.StartsWith("%rd", StringComparison.Ordinal) || register.StartsWith("%fd", StringComparison.Ordinal);

    private int AllocateRegister(bool wide)
    {
        var offset = _registerBytes;
        _registerBytes += wide ? 8 * Warp.Lanes : 4 * Warp.Lanes;
        return offset;
    }

    // Numbers, floats by their bits, addresses of shared variables and of parameters.
    private bool TryConstant(string operand, out ulong value)
    {
        if (operand.StartsWith("0f", StringComparison.Ordinal))
        {
            value = uint.Parse(operand.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            return true;
        }
        if (operand.StartsWith("0x", StringComparison.Ordinal) || operand.StartsWith("0d", StringComparison.Ordinal))
        {
            value = ulong.Parse(operand.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            return true;
        }
        if (long.TryParse(operand, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number))
        {
            value = (ulong)number;
            return true;
        }
        if (ulong.TryParse(operand, NumberStyles.None, CultureInfo.InvariantCulture, out value))
            return true;
        if (_shared.Concat(_local).FirstOrDefault(s => s.Name == operand) is { Name: not null } variable)
        {
            value = (ulong)variable.Offset;
            return true;
        }
        if (operand == _dynamicShared)
        {
            value = DynamicAddress;
            return true;
        }
        if (_parameters.FirstOrDefault(p => p.Name == operand) is { Name: not null } parameter)
        {
            value = (ulong)parameter.Offset;
            return true;
        }
        value = 0;
        return false;
    }

    private PtxKernel Finish()
    {
        foreach (var (branch, label) in _branches)
            branch.Target = _labels.TryGetValue(label, out var target) ? target : throw Error(branch.Line, $"no label {label}");
        if (_code.Count == 0 || _code[^1].Flow is not (Flow.Exit or Flow.Branch) || _code[^1].Guard >= 0)
            throw new PtxException($"kernel {_name} runs off its end");
        var dynamicOffset = (_sharedBytes + SharedGap + 15) / 16 * 16;
        return new()
        {
            Name = _name,
            Parameters = _parameters,
            MaxThreads = _maxThreads,
            Code = [.. _code],
            RegisterBytes = _registerBytes,
            Predicates = _predicates.Count + 2,
            Constants = [.. _constants.Select(c => (c.Value, c.Key.Wide, c.Key.Value == DynamicAddress ? (ulong)dynamicOffset : c.Key.Value))],
            Specials = _specials,
            Shared = _shared,
            SharedBytes = _sharedBytes,
            Local = _local,
            LocalBytes = _localBytes,
            DynamicShared = _dynamicShared is null ? null : new(_dynamicShared, dynamicOffset, 0),
        };
    }

    [GeneratedRegex(@"^(?:\.visible\s+)?\.entry\s+(\w+)\($")]
    private static partial Regex Entry();
    [GeneratedRegex(@"^\.(visible|extern)\s+\.func\s")]
    private static partial Regex Function();
    [GeneratedRegex(@"^\.extern\s+\.shared\s+\.align\s+\d+\s+\.b8\s+(\w+)\[\];$")]
    private static partial Regex DynamicShared();
    [GeneratedRegex(@"^\.branchtargets\s+(.+);$")]
    private static partial Regex BranchTargets();
    [GeneratedRegex(@"^\.(version|target|address_size)\s")]
    private static partial Regex ModuleDirective();
    [GeneratedRegex(@"^\.maxntid\s+(\d+), 1, 1$")]
    private static partial Regex MaxThreads();
    [GeneratedRegex(@"^\.param\s+(?:\.align\s+(?<align>\d+)\s+)?\.[usbf](?<bits>\d+)\s+(?<name>\w+)(?:\[(?<count>\d+)\])?,?$")]
    private static partial Regex Parameter();
    [GeneratedRegex(@"^\.(shared|local)\s+\.align\s+(\d+)\s+\.b8\s+([\w$]+)\[(\d+)\];$")]
    private static partial Regex VariableDeclaration();
    [GeneratedRegex(@"^\.(reg|pragma)\s")]
    private static partial Regex BodyDirective();
    [GeneratedRegex(@"^@(!?)(%p\d+)\s+")]
    private static partial Regex Guard();
    [GeneratedRegex(@"^\[([%\w$]+)(?:\+(-?\d+))?\]$")]
    private static partial Regex Address();
    [GeneratedRegex(@"^%((tid|ntid|ctaid|nctaid)\.[xyz]|laneid|dynamic_smem_size)$")]
    private static partial Regex SpecialRegister();
}
