using System.Runtime.InteropServices;

namespace Faith.Engine.Tokenizers.Patterns;

/// <summary>
/// Runs a program over one well-formed text. It backtracks, but remembers of every split whether it failed at a position: what
/// follows depends on the two alone, so nothing fails twice and no pattern is slow on any text.
/// </summary>
internal sealed class PatternMatcher
{
    private const int PageBits = 8;

    private readonly Instruction[] code;
    private readonly string text;

    // Per position: bit 2s = split s failed, bit 2s + 1 = split s succeeded (bodies of lookaheads only). In pages, because
    // most positions never fail.
    private readonly ulong[]?[] pages;
    private readonly int words;
    private int firstPage;

    // Run instructions: the last stretch found, so that scanning a stretch again from its inside costs nothing.
    private readonly (int Start, int End)[] stretches;

    private readonly List<Frame> path = [];
    private readonly TokenizerWork work;
    private readonly string place;

    private record struct Frame(int Pc, int Position, bool OnOther);

    /// <param name="place">Where the pattern stands in its file.</param>
    public PatternMatcher(PatternProgram program, string text, TokenizerWork work, string place)
    {
        this.text = text;
        this.work = work;
        this.place = place;
        code = [.. program.Code];
        words = (2 * program.Splits + 63) / 64;
        pages = new ulong[]?[(text.Length >> PageBits) + 1];
        stretches = new (int, int)[program.Runs];
        Array.Fill(stretches, (-1, -1));
    }

    /// <summary>The leftmost match that starts at or after the offset; offsets must not decrease from call to call.</summary>
    public (int Start, int End)? Find(int from)
    {
        for (int start = from; start <= text.Length; start += Width(start))
        {
            for (; firstPage < start >> PageBits; firstPage++)
                pages[firstPage] = null;
            int end = Run(0, start, inLook: false);
            if (end >= 0)
                return (start, end);
        }
        return null;
    }

    // The end of the match, or -1.
    private int Run(int pc, int position, bool inLook)
    {
        int floor = path.Count;
        while (true)
        {
            work.Step(place);
            Instruction instruction = code[pc];
            bool matched;
            switch (instruction.Operation)
            {
                case Operation.Split:
                    matched = !Recalls(instruction.Index, position, success: false);
                    if (matched && inLook && Recalls(instruction.Index, position, success: true))
                        return Succeed(floor, position, inLook);
                    if (matched)
                    {
                        path.Add(new(pc, position, false));
                        pc = instruction.Target;
                        continue;
                    }
                    break;
                case Operation.Jump:
                    pc = instruction.Target;
                    continue;
                case Operation.Match:
                    return Succeed(floor, position, inLook);
                case Operation.Look:
                    matched = Run(pc + 1, position, inLook: true) >= 0 != instruction.Negative;
                    if (matched)
                    {
                        pc = instruction.Target;
                        continue;
                    }
                    break;
                default:
                    matched = Step(instruction, ref position);
                    break;
            }
            if (matched)
            {
                pc++;
                continue;
            }
            if (!Back(floor, out pc, out position))
                return -1;
        }
    }

    private bool Step(Instruction instruction, ref int position)
    {
        switch (instruction.Operation)
        {
            case Operation.Set:
                if (!Next(instruction.Set!, position))
                    return false;
                position += Width(position);
                return true;
            case Operation.Optional:
                if (Next(instruction.Set!, position))
                    position += Width(position);
                return true;
            case Operation.Run:
                ref (int Start, int End) stretch = ref stretches[instruction.Index];
                if (position < stretch.Start || position > stretch.End)
                {
                    int end = position;
                    while (Next(instruction.Set!, end))
                        end += Width(end);
                    stretch = (position, end);
                }
                position = stretch.End;
                return true;
            case Operation.LookAhead:
                return Next(instruction.Set!, position) != instruction.Negative;
            case Operation.LookBehind:
                return Before(instruction.Set!, position) != instruction.Negative;
            default:
                return At(instruction.Anchor, position);
        }
    }

    private bool At(Anchor anchor, int position) => anchor switch
    {
        // After the last line feed of a text no line starts.
        Anchor.LineStart => position == 0 || (text[position - 1] == '\n' && position < text.Length),
        Anchor.LineEnd => position == text.Length || text[position] == '\n',
        Anchor.TextStart => position == 0,
        Anchor.TextEnd => position == text.Length,
        Anchor.LastLineEnd => position == text.Length || (position == text.Length - 1 && text[position] == '\n'),
        Anchor.WordBoundary => Before(UnicodeSets.Word, position) != Next(UnicodeSets.Word, position),
        _ => Before(UnicodeSets.Word, position) == Next(UnicodeSets.Word, position),
    };

    // Gives up the last choice. What has no choice left has failed for good.
    private bool Back(int floor, out int pc, out int position)
    {
        Span<Frame> frames = CollectionsMarshal.AsSpan(path);
        for (int top = frames.Length - 1; top >= floor; top--)
        {
            ref Frame frame = ref frames[top];
            if (!frame.OnOther)
            {
                frame.OnOther = true;
                (pc, position) = (code[frame.Pc].Other, frame.Position);
                CollectionsMarshal.SetCount(path, top + 1);
                return true;
            }
            Remember(code[frame.Pc].Index, frame.Position, success: false);
        }
        CollectionsMarshal.SetCount(path, floor);
        (pc, position) = (0, 0);
        return false;
    }

    // A lookahead only asks whether; every split on the way to a yes is a yes from now on.
    private int Succeed(int floor, int position, bool inLook)
    {
        if (inLook)
        {
            for (int i = floor; i < path.Count; i++)
                Remember(code[path[i].Pc].Index, path[i].Position, success: true);
        }
        CollectionsMarshal.SetCount(path, floor);
        return position;
    }

    private bool Recalls(int split, int position, bool success)
    {
        if (pages[position >> PageBits] is not { } page)
            return false;
        int bit = 2 * split + (success ? 1 : 0);
        return (page[(position & ((1 << PageBits) - 1)) * words + (bit >> 6)] >> (bit & 63) & 1) != 0;
    }

    private void Remember(int split, int position, bool success)
    {
        ulong[] page = pages[position >> PageBits] ??= new ulong[words << PageBits];
        int bit = 2 * split + (success ? 1 : 0);
        page[(position & ((1 << PageBits) - 1)) * words + (bit >> 6)] |= 1UL << (bit & 63);
    }

    private bool Next(RuneSet set, int position) => position < text.Length && set.Contains(
        Width(position) == 2 ? char.ConvertToUtf32(text[position], text[position + 1]) : text[position]);

    private bool Before(RuneSet set, int position) => position > 0 && set.Contains(
        char.IsLowSurrogate(text[position - 1]) ? char.ConvertToUtf32(text[position - 2], text[position - 1]) : text[position - 1]);

    private int Width(int position) => position < text.Length && char.IsHighSurrogate(text[position]) ? 2 : 1;
}
