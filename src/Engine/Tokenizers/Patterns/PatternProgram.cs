namespace Faith.Engine.Tokenizers.Patterns;

/// <summary>What an instruction of a compiled pattern does.</summary>
internal enum Operation
{
    /// <summary>Consume one code point of Set.</summary>
    Set,

    /// <summary>Consume code points of Set while there are any.</summary>
    Run,

    /// <summary>Consume one code point of Set if there is one.</summary>
    Optional,

    /// <summary>Continue at Target; if that fails, at Other.</summary>
    Split,

    /// <summary>Continue at Target.</summary>
    Jump,

    /// <summary>Continue at Target if the body that follows matches here (or, when Negative, does not).</summary>
    Look,

    /// <summary>Continue if the next code point is in Set (or, when Negative, is not).</summary>
    LookAhead,

    /// <summary>Continue if the code point before is in Set (or, when Negative, is not).</summary>
    LookBehind,

    /// <summary>Continue if the position is of that kind.</summary>
    Anchor,

    /// <summary>The pattern, or the body of a Look, has matched.</summary>
    Match,
}

/// <summary>One instruction. Index numbers the splits and the runs, each from 0.</summary>
internal sealed record Instruction(
    Operation Operation, RuneSet? Set = null, int Target = 0, int Other = 0, int Index = 0, bool Negative = false, Anchor Anchor = default);

/// <summary>A pattern as instructions for <see cref="PatternMatcher"/>.</summary>
internal sealed class PatternProgram
{
    // Matching remembers two bits per split and position, so the size of a program is a bound on memory.
    private const int MostInstructions = 1024;
    private const int MostSteps = 100_000;

    private readonly List<Instruction> code = [];
    private int steps;

    private PatternProgram() { }

    /// <summary>The instructions; matching starts at 0.</summary>
    public IReadOnlyList<Instruction> Code => code;

    /// <summary>Number of Split instructions.</summary>
    public int Splits { get; private set; }

    /// <summary>Number of Run instructions.</summary>
    public int Runs { get; private set; }

    /// <summary>Compiles a pattern.</summary>
    /// <exception cref="FormatException">The pattern is not one that can be used.</exception>
    public static PatternProgram Compile(PatternNode node)
    {
        var program = new PatternProgram();
        program.Add(node);
        program.Emit(new(Operation.Match));
        return program;
    }

    private int Emit(Instruction instruction)
    {
        if (code.Count == MostInstructions)
            throw new FormatException("the pattern is too large");
        code.Add(instruction);
        return code.Count - 1;
    }

    private void Add(PatternNode node)
    {
        // Nested repetitions of nothing emit no code, yet take time.
        if (++steps > MostSteps)
            throw new FormatException("the pattern is too large");
        switch (node)
        {
            case SetNode set:
                Emit(new(Operation.Set, set.Set));
                break;
            case SequenceNode sequence:
                sequence.Items.ForEach(Add);
                break;
            case AlternativesNode alternatives:
                AddAlternatives(alternatives.Items);
                break;
            case RepeatNode repeat:
                AddRepeat(repeat);
                break;
            case LookNode { Item: SetNode body } look:
                Emit(new(look.Behind ? Operation.LookBehind : Operation.LookAhead, body.Set, Negative: look.Negative));
                break;
            case LookNode look:
                int start = Emit(new(Operation.Look, Negative: look.Negative));
                Add(look.Item);
                Emit(new(Operation.Match));
                code[start] = code[start] with { Target = code.Count };
                break;
            case AnchorNode anchor:
                Emit(new(Operation.Anchor, Anchor: anchor.Anchor));
                break;
            default:
                throw new InvalidOperationException($"No code for {node.GetType().Name}.");
        }
    }

    private void AddAlternatives(List<PatternNode> items)
    {
        var exits = new List<int>();
        for (int i = 0; i < items.Count - 1; i++)
        {
            int split = EmitSplit();
            Add(items[i]);
            exits.Add(Emit(new(Operation.Jump)));
            code[split] = code[split] with { Target = split + 1, Other = code.Count };
        }
        Add(items[^1]);
        foreach (int exit in exits)
            code[exit] = code[exit] with { Target = code.Count };
    }

    private void AddRepeat(RepeatNode repeat)
    {
        for (int i = 0; i < repeat.Minimum; i++)
            Add(repeat.Item);
        if (repeat is { Greed: Greed.Possessive, Item: SetNode set })
        {
            Emit(repeat.Maximum is null ? new(Operation.Run, set.Set, Index: Runs++) : new(Operation.Optional, set.Set));
            return;
        }
        bool lazy = repeat.Greed == Greed.Lazy;
        if (repeat.Maximum is not { } maximum)
        {
            int split = EmitSplit();
            Add(repeat.Item);
            Emit(new(Operation.Jump, Target: split));
            SetSplit(split, code.Count, lazy);
            return;
        }
        var splits = new List<int>();
        for (int i = repeat.Minimum; i < maximum; i++)
        {
            splits.Add(EmitSplit());
            Add(repeat.Item);
        }
        foreach (int split in splits)
            SetSplit(split, code.Count, lazy);
    }

    private int EmitSplit() => Emit(new(Operation.Split, Index: Splits++));

    private void SetSplit(int split, int after, bool lazy) =>
        code[split] = lazy ? code[split] with { Target = after, Other = split + 1 } : code[split] with { Target = split + 1, Other = after };
}
