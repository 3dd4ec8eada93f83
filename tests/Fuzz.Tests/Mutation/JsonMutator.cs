using System.Text;
using System.Text.Json;

namespace Faith.Fuzz.Tests.Mutation;

/// <summary>
/// Changes JSON that stays JSON: values become others, members are left out, doubled, renamed and moved. It works on the text, as objects in
/// memory cannot have a key twice or a number that does not fit.
/// </summary>
internal static class JsonMutator
{
    private readonly record struct Member(int Start, int ValueStart, int End, bool HasName);

    /// <summary>A copy with one to four changes; one in four copies is damaged as bytes, too.</summary>
    public static byte[] Mutate(Random random, byte[] original)
    {
        var bytes = original;
        for (var edits = random.Next(1, 5); edits > 0; edits--)
        {
            var members = Members(bytes);
            if (members.Count == 0) break;
            bytes = Edit(random, bytes, members);
        }
        return random.Next(4) == 0 ? BytesMutator.Mutate(random, bytes) : bytes;
    }

    private static byte[] Edit(Random random, byte[] bytes, List<Member> members)
    {
        var member = members[random.Next(members.Count)];
        var other = members[random.Next(members.Count)];
        var whole = bytes[member.Start..member.End];
        switch (random.Next(10))
        {
            case 0:
                return Splice(bytes, member.Start, member.End, [.. whole, (byte)',', .. whole]);
            case 1:
                return Splice(bytes, member.Start, member.End, []);
            case 2 when member.HasName:
                return Splice(bytes, member.Start, member.ValueStart, Utf8(Pieces.QuotedText(random) + ":"));
            case 3:
                return Splice(bytes, member.ValueStart, member.End, bytes[other.ValueStart..other.End]);
            case 4 when member.HasName && other.HasName:
                return Splice(bytes, member.Start, member.ValueStart, bytes[other.Start..other.ValueStart]);
            case 5:
                return Splice(bytes, member.ValueStart, member.End, Utf8(Pieces.Number(random)));
            case 6:
                return Splice(bytes, member.ValueStart, member.End, Utf8(Pieces.QuotedText(random)));
            // The value within others, or many of it.
            case 7:
                return Splice(bytes, member.ValueStart, member.End, [(byte)'[', .. bytes[member.ValueStart..member.End], (byte)']']);
            case 8 when member.End - member.Start < 200:
                return Splice(bytes, member.Start, member.End, [.. Enumerable.Repeat((byte[])[.. whole, (byte)','], random.Next(2, 200)).SelectMany(b => b), .. whole]);
            default:
                return Splice(bytes, member.ValueStart, member.End, Utf8(Pieces.Value(random)));
        }
    }

    private static byte[] Splice(byte[] bytes, int start, int end, byte[] piece) => [.. bytes[..start], .. piece, .. bytes[end..]];

    private static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);

    // Every value of the text, with its name where it has one; those up to the first error where there is one.
    private static List<Member> Members(byte[] bytes)
    {
        var members = new List<Member>();
        var open = new Stack<(int Start, int ValueStart, bool HasName)>();
        var reader = new Utf8JsonReader(bytes, new JsonReaderOptions { MaxDepth = 4096 });
        int? name = null;
        try
        {
            while (reader.Read())
            {
                var (start, end) = ((int)reader.TokenStartIndex, (int)reader.BytesConsumed);
                switch (reader.TokenType)
                {
                    case JsonTokenType.PropertyName:
                        name = start;
                        break;
                    case JsonTokenType.StartArray or JsonTokenType.StartObject:
                        open.Push((name ?? start, start, name is not null));
                        name = null;
                        break;
                    case JsonTokenType.EndArray or JsonTokenType.EndObject:
                        var (first, value, hasName) = open.Pop();
                        members.Add(new(first, value, end, hasName));
                        break;
                    default:
                        members.Add(new(name ?? start, start, end, name is not null));
                        name = null;
                        break;
                }
            }
        }
        catch (JsonException)
        {
            // What was read before stands.
        }
        return members;
    }
}
