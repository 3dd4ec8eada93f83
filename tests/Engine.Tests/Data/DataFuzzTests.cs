using System.Text;
using Faith.Engine.Data;
using Xunit;

namespace Faith.Engine.Tests.Data;

/// <summary>Whatever bytes a file holds, it is read or refused; nothing else is thrown.</summary>
public sealed class DataFuzzTests : DataTest
{
    private const int Rounds = 3000;

    private static readonly string[] JsonSeeds =
    [
        """{"clean": "the cat sat", "corrupted": "the dog sat", "answers": [" on", 5], "distractors": [" off"]}""",
        """{"clean": [1, 2, 3], "corrupted": [1, 5, 3], "answers": [7], "distractors": [8, 9], "note": {"a": [null, true, 1e5]}}""" + "\r\n",
        """{"clean": "caf\u00e9 \ud83d\ude00 é", "corrupted": "caf\u00e8 \ud83d\ude01 è", "answers": ["x"], "distractors": ["y"]}""",
    ];

    private static readonly string[] CsvSeeds =
    [
        "clean,corrupted,correct_idx,incorrect_idx\r\n\"a, \"\"b\"\"\",\"c, d\",14,15\r\n",
        "clean,corrupted,answers_idx,corrupted_answers_idx\na,b,\"[16, 17]\",[18]\n",
        "clean,corrupted,correct_idx\nfrom 1352 to 13,from 1301 to 13,52\n",
        "clean,corrupted,group,plural\nThe songs,The song,g,1\n",
    ];

    private static readonly string[] Pieces =
    [
        "\"", "\\", "\\u", "\\ud800", "{", "}", "[", "]", ",", ":", "\n", "\r", "\r\n", "null", "-1", "99999999999", "1e9", "0.5", "[]", "\"\"", "\0", "\uFEFF", "é", "clean", "plural",
    ];

    [Fact]
    public void Json_lines() => Fuzz("data.jsonl", JsonSeeds, seed: 1);

    [Fact]
    public void Csv_tables()
    {
        Write("data-verbs.csv", "idx,sing,plur\n_,is,are\n");
        Fuzz("data.csv", CsvSeeds, seed: 2);
    }

    private void Fuzz(string name, string[] seeds, int seed)
    {
        var random = new Random(seed);
        var read = 0;
        for (var round = 0; round < Rounds; round++)
        {
            var bytes = Encoding.UTF8.GetBytes(seeds[random.Next(seeds.Length)]).ToList();
            for (var edits = random.Next(4); edits > 0 && bytes.Count > 0; edits--) Mutate(bytes, random);
            var path = Write(name, [.. bytes]);
            try
            {
                var set = PromptSet.Load(path, new WordTokenizer(), Config);
                Assert.All(set, e => Assert.Equal(e.Clean.Length, e.Corrupted.Length));
                read++;
            }
            catch (InputException e)
            {
                Assert.DoesNotContain('\n', e.Message);
                Assert.DoesNotContain('\r', e.Message);
            }
        }
        Assert.InRange(read, Rounds / 10, Rounds - 1);
    }

    private static void Mutate(List<byte> bytes, Random random)
    {
        var at = random.Next(bytes.Count);
        switch (random.Next(5))
        {
            case 0:
                bytes[at] = (byte)random.Next(256);
                break;
            case 1:
                bytes.RemoveRange(at, Math.Min(random.Next(1, 8), bytes.Count - at));
                break;
            case 2:
                bytes.InsertRange(at, Encoding.UTF8.GetBytes(Pieces[random.Next(Pieces.Length)]));
                break;
            case 3:
                bytes.InsertRange(at, bytes.GetRange(at, Math.Min(random.Next(1, 30), bytes.Count - at)));
                break;
            default:
                bytes.RemoveRange(at, bytes.Count - at);
                break;
        }
    }
}
